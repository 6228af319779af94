"""Every alert, before promtool: it fires for what it is about, and for nothing beside that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.ops.export.monitoring.alert_cases import CASES, Case
from tests.ops.export.monitoring.files import alerts_of, export, held_against, promtool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a configuration without a word exports."""
    return export(tmp_path_factory.mktemp("monitoring"))


def test_promtool_accepts_every_file(folder: Path) -> None:
    """The configuration with its rules, and the rules by themselves."""
    for what, files in (("config", [folder / "prometheus.yml"]), ("rules", [*folder.glob("harken-*.yml")])):
        done = promtool("check", what, *files)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_every_alert_fires_for_its_reason_and_for_none_beside_it(folder: Path) -> None:
    """In each case, the alerts that fire are exactly those that the case names, and not before their time."""

    def look(expr: str, at: str, *names: str) -> dict[str, Any]:
        samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names]
        return {"expr": f"group by (alertname) (ALERTS{{{expr}}})", "eval_time": at, "exp_samples": samples}

    def test(case: Case) -> dict[str, Any]:
        looks = [look('alertstate="firing"', case.at, *case.fires)]
        if case.still_quiet_at:
            looks.append(look(f'alertstate="firing", alertname="{case.about}"', case.still_quiet_at))
            looks.append(look(f'alertstate="pending", alertname="{case.about}"', case.still_quiet_at, case.about))
        return {**case.written(), "promql_expr_test": looks}

    done = held_against(folder, map(test, CASES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_alert_is_without_a_case_on_either_side(folder: Path) -> None:
    """A new alert must be tried, too."""
    names = set(alerts_of(folder))
    assert {case.about for case in CASES if case.about in case.fires} == names
    assert {case.about for case in CASES if case.about not in case.fires} == names
    waiting = re.findall(r"- alert: (\w+)\n(?: {8}.*\n)*? {8}for: [1-9]", (folder / "harken-alerts.yml").read_text())
    assert {case.about for case in CASES if case.still_quiet_at} == set(waiting)


def test_what_an_alert_says_can_be_said(folder: Path) -> None:
    """Promtool shows what it got where nothing was expected: every sentence is whole, and has its label and figure."""

    def test(case: Case) -> dict[str, Any]:
        expected = {"eval_time": case.at, "alertname": case.about, "exp_alerts": []}
        return {**case.written(), "alert_rule_test": [expected]}

    firing = {case.about: case for case in reversed(CASES) if case.about in case.fires}
    done = held_against(folder, map(test, firing.values()))
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert set(re.findall(r'alertname="(\w+)"', said)) == set(alerts_of(folder))
    assert not re.findall(r"<error|no value|\{\{|%!|NaN", said)
    assert "Instance asr-1 has not been ready for five minutes" in said
    assert "The CPU of gateway:7860 is 85% busy" in said
    assert "gateway:7860 answers 800ms late" in said


def test_bounds_of_the_configuration_are_the_alerts_bounds(tmp_path: Path) -> None:
    """A queue that may take a minute alarms after half of it; a GPU that may be half full, above that."""
    words = ("limits.queue_timeout_s=60", "autoscale.target_wait_s=3", "instance.memory_share=0.5")
    text = (export(tmp_path, *(part for word in words for part in ("--set", word))) / "harken-alerts.yml").read_text()
    assert "harken_queue_oldest_seconds > 30\n" in text
    assert 'p95_5m{class!="batch"} > 3\n' in text
    assert "harken_gpu_memory_used_bytes / harken_gpu_memory_total_bytes > 0.55\n" in text


def test_alerts_link_to_where_the_operator_says(tmp_path: Path) -> None:
    """And there to the alert's own heading."""
    text = (export(tmp_path, "--runbooks", "https://wiki.example.org/harken") / "harken-alerts.yml").read_text()
    assert text.count('runbook_url: "https://wiki.example.org/harken#harken') == len(alerts_of(tmp_path))
