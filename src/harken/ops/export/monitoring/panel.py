"""One panel of the dashboard, and how Grafana has it written.

Owns Grafana's form of a panel: its kind, its unit, its queries. It refuses to know what is shown. The invariant: a
panel asks the data source that the dashboard's variable names, never one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["stat", "timeseries", "state-timeline"]

SOURCE = {"type": "prometheus", "uid": "${source}"}
COLUMNS = 24

_GREEN, _AMBER, _RED = "green", "orange", "red"


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One question to Prometheus.

    Attributes:
        expr: PromQL.
        legend: names the line, with Grafana's `{{label}}`.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: in the words of Harken's own dashboard.
        means: what it shows, for whoever hovers.
        unit: Grafana's name of one: "s", "percentunit", "reqps", "bytes", "short".
        queries: at least one.
        kind: how it is drawn.
        width: in twenty-fourths.
        height: in Grafana's rows.
        most: the end of its scale; None for as it comes.
        turns: figures from which on it is amber and red; None for neither. Falling ones: what is below them is.
        is_stacked: lines are parts of a whole.
    """

    title: str
    means: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    most: float | None = None
    turns: tuple[float, float] | None = None
    is_stacked: bool = False

    def written(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Write it as Grafana's JSON.

        Args:
            number: unique within the dashboard.
            x: its left edge.
            y: its upper edge.
        """
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.means,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "datasource": SOURCE,
            "targets": [self._target(index, query) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self._options(),
        }

    def _target(self, index: int, query: Query) -> dict[str, Any]:
        return {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": self.kind == "stat",
            "range": self.kind != "stat",
        }

    def _defaults(self) -> dict[str, Any]:
        steps = {"mode": "absolute", "steps": self._steps()}
        defaults: dict[str, Any] = {"unit": self.unit, "min": 0, "thresholds": steps}
        if self.most is not None:
            defaults["max"] = self.most
        if self.kind == "state-timeline":
            defaults["mappings"] = [
                {
                    "type": "value",
                    "options": {
                        "0": {"text": "not ready", "color": _RED, "index": 0},
                        "1": {"text": "ready", "color": _GREEN, "index": 1},
                    },
                }
            ]
        defaults["color"] = {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"}
        defaults["custom"] = self._custom()
        return defaults

    def _custom(self) -> dict[str, Any]:
        if self.kind == "state-timeline":
            return {"fillOpacity": 80, "lineWidth": 0}
        if self.kind == "stat":
            return {}
        return {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 40 if self.is_stacked else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.is_stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if self.turns else "off"},
        }

    def _steps(self) -> list[dict[str, Any]]:
        if self.turns is None:
            return [{"color": _GREEN, "value": None}]
        first, second = self.turns
        if first > second:
            return [
                {"color": _RED, "value": None},
                {"color": _AMBER, "value": second},
                {"color": _GREEN, "value": first},
            ]
        return [{"color": _GREEN, "value": None}, {"color": _AMBER, "value": first}, {"color": _RED, "value": second}]

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {
                "colorMode": "value",
                "graphMode": "none",
                "textMode": "auto",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            }
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        if self.kind == "state-timeline":
            return {"legend": legend, "showValue": "never", "rowHeight": 0.9, "mergeValues": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
