"""What the pages say about metrics and alerts is what the files have."""

from __future__ import annotations

import re
from pathlib import Path

from harken.ops.export.monitoring.alerts import Bounds, service_groups
from harken.ops.export.monitoring.cluster_rows import cluster_rows
from harken.ops.export.monitoring.live_rows import live_rows
from harken.ops.export.monitoring.machine_alerts import machine_groups
from harken.ops.export.monitoring.records import record_groups
from harken.ops.export.monitoring.rules import Alert, Record
from harken.ops.export.monitoring.service_rows import service_rows

REFERENCE = Path(__file__).parents[4] / "docs" / "reference"
RULES = [
    rule for group in (*record_groups(), *service_groups(Bounds()), *machine_groups(Bounds())) for rule in group.rules
]
EXPRESSIONS = [rule.expr for rule in RULES] + [
    query.expr
    for row in (*service_rows(), *live_rows(), *cluster_rows())
    for panel in row.panels
    for query in panel.queries
]


def documented() -> set[str]:
    """The metrics that have a line of their own in metrics.md."""
    return set(re.findall(r"^\| `(harken_[a-z_]+)` \|", (REFERENCE / "metrics.md").read_text(), flags=re.MULTILINE))


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    """The links end at a heading, and it says how severe it is."""
    page = (REFERENCE / "monitoring.md").read_text()
    runbook = dict(re.findall(r"^### (Harken\w+)\n\n\*(\w+), ", page, flags=re.MULTILINE))
    assert runbook == {rule.name: rule.severity for rule in RULES if isinstance(rule, Alert)}


def test_rules_and_panels_ask_for_nothing_but_documented_metrics() -> None:
    """A metric that was renamed would leave an alert that never fires, and nobody would notice."""
    records = {rule.name for rule in RULES if isinstance(rule, Record)}
    for expr in EXPRESSIONS:
        used = set(re.findall(r"(?<![\w:])(\w+:harken\w+:\w+|harken_\w+|process_\w+)", expr))
        raw = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used if ":" not in name}
        assert {name for name in used if ":" in name} <= records, expr
        assert {name for name in raw if not name.startswith("process_")} <= documented(), expr


def test_what_is_measured_is_shown_or_alarming() -> None:
    """Every metric is on the dashboard or in a rule, but for the few that only say what is so."""
    said = "\n".join(EXPRESSIONS)
    unused = {name for name in documented() if name not in said}
    assert unused <= {"harken_info", "harken_targets", "harken_segment_audio_seconds_total"}


def test_the_page_lists_the_rows_of_the_dashboard() -> None:
    """In the words that are on the screen."""
    page = (REFERENCE / "monitoring.md").read_text().replace("\n", " ")
    for row in (*service_rows(), *live_rows(), *cluster_rows()):
        assert f"*{row.title}*" in page, row.title
