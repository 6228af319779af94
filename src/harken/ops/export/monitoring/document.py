"""All files that watch one cluster, put together."""

from __future__ import annotations

from dataclasses import dataclass

from harken.ops.export.document import HEADING, Document
from harken.ops.export.monitoring.alerts import Bounds, service_groups
from harken.ops.export.monitoring.cluster_rows import cluster_rows
from harken.ops.export.monitoring.grafana import dashboard_file, provider_file, source_file
from harken.ops.export.monitoring.live_rows import live_rows
from harken.ops.export.monitoring.machine_alerts import machine_groups
from harken.ops.export.monitoring.prometheus import Scraping, prometheus_file
from harken.ops.export.monitoring.records import record_groups
from harken.ops.export.monitoring.rules import rule_file
from harken.ops.export.monitoring.service_rows import service_rows

RECORDS = "harken-records.yml"
ALERTS = "harken-alerts.yml"
DASHBOARDS = "grafana/dashboards"


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What is watched, and from where.

    Attributes:
        scraping: how Prometheus gets the figures.
        bounds: what alerts are measured by.
        runbooks: where docs/reference/monitoring.md is read.
        prometheus: its URL, as Grafana reaches it.
        folder: where the files will lie; an absolute path.
    """

    scraping: Scraping
    bounds: Bounds
    runbooks: str
    prometheus: str
    folder: str


def monitoring(watch: Watch) -> Document:
    """Write all files."""
    heading = HEADING.format(tool="monitoring")
    groups = (*service_groups(watch.bounds), *machine_groups(watch.bounds))
    folder = f"{watch.folder}/{DASHBOARDS}"
    hidden = (
        "fleet.first_port is 0, so nobody knows the ports of the instances: their engines are not scraped, and four "
        "lines of the panel *Stages, p95* stay empty. Set it to a port such as 7861, for harken up too, and export "
        "again."
    )
    return Document(
        files={
            "prometheus.yml": prometheus_file(watch.scraping, heading=heading, rules=(RECORDS, ALERTS)),
            RECORDS: rule_file(record_groups(), heading=heading, runbooks=watch.runbooks),
            ALERTS: rule_file(groups, heading=heading, runbooks=watch.runbooks),
            "grafana/provisioning/datasources/harken.yml": source_file(
                watch.prometheus, heading=heading, interval_s=watch.scraping.interval_s
            ),
            "grafana/provisioning/dashboards/harken.yml": provider_file(folder, heading=heading),
            f"{DASHBOARDS}/harken.json": dashboard_file((*service_rows(), *live_rows(), *cluster_rows())),
        },
        notes=(hidden,) if watch.scraping.is_hidden else (),
    )
