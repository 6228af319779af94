"""The dashboard as Grafana's JSON, and the two files by which Grafana finds it and its data source.

Owns the frame: variables, rows, where panels stand. It refuses to know what they show. It is the classic form of a
dashboard, which every Grafana since 10 reads from a file. The invariant: the same rows are the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harken.ops.export.monitoring.panel import COLUMNS, SOURCE, Panel
from harken.ops.export.monitoring.rules import quoted

UID = "harken"
SOURCE_UID = "harken-prometheus"

_SCHEMA = 41


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


def dashboard_file(rows: Sequence[Row]) -> str:
    """Write the dashboard."""
    return (
        json.dumps(
            {
                "uid": UID,
                "title": "Harken",
                "description": "A speech-recognition cluster: what it does now, who waits, and how each instance does.",
                "tags": ["harken"],
                "schemaVersion": _SCHEMA,
                "version": 1,
                "editable": True,
                "graphTooltip": 1,
                "refresh": "10s",
                "time": {"from": "now-1h", "to": "now"},
                "timezone": "browser",
                "templating": {"list": _variables()},
                "annotations": {"list": [_alerts()]},
                "links": [],
                "panels": _placed(rows),
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def source_file(url: str, *, heading: str, interval_s: int) -> str:
    """Write the file that gives Grafana its data source.

    Args:
        url: Prometheus's, as Grafana reaches it.
        heading: a comment for its first line.
        interval_s: of the scraping: Grafana takes no window shorter than four of them.
    """
    lines = [
        f"# {heading}",
        "apiVersion: 1",
        "datasources:",
        "  - name: Harken's Prometheus",
        f"    uid: {SOURCE_UID}",
        "    type: prometheus",
        "    access: proxy",
        f"    url: {quoted(url)}",
        f"    jsonData: {{httpMethod: POST, timeInterval: {interval_s}s}}",
    ]
    return "\n".join(lines) + "\n"


def provider_file(folder: str, *, heading: str) -> str:
    """Write the file that tells Grafana where dashboards lie.

    Args:
        folder: an absolute path.
        heading: a comment for its first line.
    """
    lines = [
        f"# {heading}",
        "apiVersion: 1",
        "providers:",
        "  - name: harken",
        "    folder: Harken",
        "    type: file",
        f"    options: {{path: {quoted(folder)}}}",
    ]
    return "\n".join(lines) + "\n"


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Set panels from left to right, and a new line where one would not fit."""
    written: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        written.append(
            {
                "id": len(written) + 1,
                "type": "row",
                "title": row.title,
                "gridPos": place,
                "collapsed": False,
                "panels": [],
            }
        )
        y, x, height = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                y, x, height = y + height, 0, 0
            written.append(panel.written(len(written) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return written


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "source",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Harken's Prometheus", "value": SOURCE_UID},
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": [],
        "regex": "",
    }
    question = "label_values(harken_info, cluster)"
    cluster = {
        "name": "cluster",
        "label": "Cluster",
        "type": "query",
        "datasource": SOURCE,
        "definition": question,
        "query": {"query": question, "refId": "cluster"},
        "current": {"text": "All", "value": "$__all"},
        "allValue": ".*",  # also those that were scraped without the label
        "refresh": 2,
        "hide": 0,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "options": [],
        "regex": "",
    }
    return [source, cluster]


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Harken.*", alertstate="firing", cluster=~"$cluster"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{target}} {{instance}} {{class}}",
        "tagKeys": "severity",
        "step": "15s",
    }
