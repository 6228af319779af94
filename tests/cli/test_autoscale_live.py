"""The autoscaler at a real gateway: load up, instances appear; load gone, they leave; no request fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_fleet import harken, under_load
from tests.cluster import Cluster, running_cluster
from tests.fleet.test_up import ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

QUICK = {
    "up_after_s": 0.5, "down_after_s": 2, "up_pause_s": 0.5, "down_pause_s": 1, "idle_s": 3, "interval_s": 0.2,
    "target_wait_s": 1,
}  # fmt: skip
"""A day in a minute."""


def flags(mode: str, least: int, most: int) -> tuple[str, ...]:
    """Stubs that are slow and, as far as anybody knows, on a GPU: the CPU of this machine does not count."""
    settings = {**QUICK, "min": least, "max": most}
    return (
        "--model", "stub:rtfx=1", "--device", "cuda", "--slots", "1", "--instances", str(least), "--autoscale", mode,
        *(word for key, value in settings.items() for word in ("--set", f"autoscale.{key}={value}")),
    )  # fmt: skip


def until(cluster: Cluster, condition: Callable[[int], bool]) -> None:
    """Wait until so many instances are ready."""
    deadline = time.monotonic() + 200.0
    while time.monotonic() < deadline:
        ready = sum(one["state"] == "ready" for one in cluster.health()["instances"])
        if condition(ready):
            return
        time.sleep(0.1)  # between two looks; the count itself ends the wait
    raise AssertionError(cluster.health())


def test_instances_come_with_the_load_and_go_with_it(tmp_path: Path) -> None:
    """One, then two, then one again; every answer is a transcript, and the reasons can be asked for."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster(*flags("on", 1, 2), env=env) as cluster:
        cluster.wait_ready(1)
        refused = harken(tmp_path, "scale", "2")
        assert (refused.returncode, "[autoscaled]" in refused.stderr) == (1, True)
        with under_load(cluster) as statuses:
            until(cluster, lambda ready: ready == 2)
        assert set(statuses) == {200}
        until(cluster, lambda ready: ready == 1)
        explained = json.loads(harken(tmp_path, "autoscale", "--json").stdout)
        changes = [(past["was"], past["wanted"]) for past in explained["history"] if past["outcome"] == "scaled"]
        assert changes[0][0] == 1
        assert changes[-1][1] == 1
        assert max(after for _, after in changes) == 2
        assert "slots are in use" in harken(tmp_path, "autoscale").stdout


def test_an_idle_fleet_sleeps_and_a_recording_wakes_it(tmp_path: Path) -> None:
    """Healthy without any instance; the first request waits for the start, and nothing is left afterwards."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster(*flags("on", 0, 2), env=env) as cluster:
        for _ in range(2):
            until(cluster, lambda _: cluster.health()["instances"] == [])
            assert cluster.health()["status"] == "healthy"
            assert ask(cluster, 1).status_code == 200


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    """The same load, and one instance all the time."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster(*flags("dry-run", 1, 3), env=env) as cluster:
        cluster.wait_ready(1)
        with under_load(cluster):
            deadline = time.monotonic() + 60.0
            outcomes: set[str] = set()
            while "would_scale" not in outcomes and time.monotonic() < deadline:
                explained = json.loads(harken(tmp_path, "autoscale", "--json").stdout)
                outcomes = {past["outcome"] for past in explained["history"]}
        assert "would_scale" in outcomes
        assert len(cluster.health()["instances"]) == 1
    assert harken(tmp_path, "autoscale").returncode == 1
