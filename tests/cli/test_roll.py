"""`harken roll` at a real gateway under load: a good model takes over, a bad one does not; no request is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_fleet import TIMEOUT_S, harken, states, under_load
from tests.cluster import Cluster, running_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OLD = "stub:rtfx=20"
QUICK = ("--shadow", "6", "--shadow-wait", "1", "--watch", "1")


def rolling(state: Path, model: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Roll to a model, with a small sample."""
    return harken(state, "roll", "--model", model, *QUICK, *flags)


def served(cluster: Cluster) -> list[str]:
    """The instances that are ready."""
    return [name for name, state in states(cluster).items() if state == "ready"]


@pytest.mark.parametrize("flags", [(), ("--replace", "--shadow", "0")])
def test_a_good_model_takes_over_instance_by_instance(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """Under load every answer is a transcript; afterwards the new instances are what is remembered and scaled."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", OLD, "--instances", "2", env=env) as cluster:
        cluster.wait_ready(2)
        with under_load(cluster) as statuses:
            done = rolling(tmp_path, "stub:rtfx=30", *flags)
            assert done.returncode == 0, done.stderr
        assert done.stdout == "rolled to stub:rtfx=30: asr-3, asr-4 are in service\n"
        assert ("asr-3 recognises the shadow sample\n" in done.stderr) is ("--shadow" not in flags)
        assert served(cluster) == ["asr-3", "asr-4"]
        assert len(statuses) > 8
        assert set(statuses) == {200}
        port = cluster.url.rpartition(":")[2]
        kept = json.loads((tmp_path / "run" / port / "fleet.json").read_text(encoding="utf-8"))
        assert (kept["wanted"]["instances"], kept["wanted"]["model"]) == (2, "stub:rtfx=30")
        assert harken(tmp_path, "scale", "3").returncode == 0
        assert served(cluster) == ["asr-3", "asr-4", "asr-1"]


BAD = {
    "stub:wrong_canary=1": "canary_failed",
    "stub:exit_at_start=3": "exit code 3",
    "stub:fail_every=2": "failed",
    "stub:loop_every=1": "ended in a loop",
    "stub:rtfx=0.4": "times slower",
    "stub:rtfx=20,exit_on=9": "It ended with exit code 1",
    "no-such-model": "neither",
}
"""Wrong at the start, in the shadow sample, or in traffic; and what is said of it."""


def test_a_bad_model_is_rolled_back_and_nobody_notices(tmp_path: Path) -> None:
    """Whatever is wrong with it, the same old processes serve on, and each answer is a transcript."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", OLD, "--instances", "2", env=env) as cluster:
        cluster.wait_ready(2)
        pids = {one["pid"] for one in cluster.health()["instances"]}
        with under_load(cluster) as statuses:
            for model, reason in BAD.items():
                done = rolling(tmp_path, model, "--watch", "20")
                assert (done.returncode, done.stdout) == (1, ""), model
                assert reason in done.stderr, model
                assert "[rolled_back]" in done.stderr, model
                assert {one["pid"] for one in cluster.health()["instances"]} == pids, model
                assert served(cluster) == ["asr-1", "asr-2"], model
        assert set(statuses) == {200}


def test_a_roll_goes_on_without_its_command_and_can_be_stopped(tmp_path: Path) -> None:
    """The command is killed; another change is refused; `--stop` brings the old model back."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", OLD, "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        command = [sys.executable, "-m", "harken", "roll", "--model", "stub:rtfx=30", *QUICK, "--watch", "600"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}) as watcher:
            assert watcher.stderr is not None
            for line in watcher.stderr:
                if "watched in traffic" in line:
                    break
            watcher.kill()
            watcher.wait(TIMEOUT_S)
        busy = harken(tmp_path, "scale", "3")
        assert "Under way is: roll to stub:rtfx=30" in busy.stderr
        assert "[fleet_busy]" in busy.stderr
        assert sorted(served(cluster)) == ["asr-1", "asr-2"]
        assert harken(tmp_path, "roll", "--stop").stdout == "the roll goes back\n"
        while len(states(cluster)) > 1:
            pass
        assert served(cluster) == ["asr-1"]
        assert "[bad_request]" in harken(tmp_path, "roll", "--stop").stderr


def test_wrong_usage_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """Exit code 2 for the flags, 1 for what the gateway refuses."""
    assert harken(tmp_path, "roll").returncode == 2
    assert harken(tmp_path, "roll", "--model", "x", "--stop").returncode == 2
    assert harken(tmp_path, "roll", "--model", " ").returncode == 2
    for flag, value in (
        ("--slowdown", "0"),
        ("--watch", "-1"),
        ("--watch", "nan"),
        ("--shadow-wait", "-1"),
        ("--shadow", "3000"),
    ):
        assert harken(tmp_path, "roll", "--model", "stub", flag, value).returncode == 2
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", OLD, "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        assert harken(tmp_path, "scale", "0").returncode == 0
        refused = harken(tmp_path, "roll", "--model", "stub").stderr
        assert "No instance is in service" in refused
        assert "[bad_request]" in refused
