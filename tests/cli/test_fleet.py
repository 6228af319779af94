"""`harken scale`, `restart` and `drain` at a real gateway, while recordings come in all the time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import Cluster, running_cluster
from tests.fleet.test_up import ask

pytestmark = pytest.mark.slow

TIMEOUT_S = 90.0


def harken(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    env = {**os.environ, "HARKEN_STATE_FOLDER": str(state)}
    command = [sys.executable, "-m", "harken", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env)


@contextmanager
def under_load(cluster: Cluster) -> Iterator[list[int]]:
    """Four clients that ask one thing after another; every answer's status is in the list, which fills up."""
    statuses: list[int] = []
    is_over = threading.Event()

    def client(number: int) -> None:
        seed = 0
        while not is_over.is_set():
            statuses.append(ask(cluster, number * 10_000 + seed).status_code)
            seed += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for thread in threads:
            thread.join(TIMEOUT_S)


def states(cluster: Cluster) -> dict[str, str]:
    """Each instance's state."""
    return {one["name"]: one["state"] for one in cluster.health()["instances"]}


def test_a_fleet_is_changed_under_load_without_losing_a_request(tmp_path: Path) -> None:
    """Up, drained, restarted, down: each answer is a transcript."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", "stub:rtfx=5", "--instances", "2", env=env) as cluster:
        cluster.wait_ready(2)
        with under_load(cluster) as statuses:
            up = harken(tmp_path, "scale", "3")
            assert (up.returncode, up.stdout) == (0, "2 → 3 instances\n"), up.stderr
            assert "asr-3 is ready" in up.stderr
            assert harken(tmp_path, "drain", "asr-1").stdout == "out of service: asr-1\n"
            assert states(cluster) == {"asr-1": "stopped", "asr-2": "ready", "asr-3": "ready"}
            assert cluster.health()["status"] == "healthy"
            assert harken(tmp_path, "restart", "--json").stdout == '{"restarted": ["asr-2", "asr-3"]}\n'
            assert harken(tmp_path, "restart", "asr-1").returncode == 0
            assert harken(tmp_path, "scale", "1").stdout == "3 → 1 instances\n"
        assert len(statuses) > 8
        assert set(statuses) == {200}
        assert list(states(cluster)) == ["asr-1"]


def test_what_operators_decided_outlives_the_gateway(tmp_path: Path) -> None:
    """Killed with SIGKILL and started again as before, it has as many instances as it was scaled to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {"HARKEN_STATE_FOLDER": str(tmp_path), "HARKEN_LOG_FORMAT": "json"}
    flags = ("--port", port, "--model", "stub", "--instances", "2")
    with running_cluster(*flags, env=env) as cluster:
        cluster.wait_ready(2)
        assert harken(tmp_path, "scale", "3", "--port", port).returncode == 0
        assert harken(tmp_path, "drain", "asr-2", "--port", port).returncode == 0
        cluster.process.send_signal(signal.SIGKILL)
        cluster.process.wait(TIMEOUT_S)
    with running_cluster(*flags, env=env) as cluster:
        cluster.wait_ready(2)
        assert states(cluster) == {"asr-2": "stopped", "asr-1": "ready", "asr-3": "ready"}
        assert cluster.process.poll() is None
    changed = (*flags[:-1], "1")
    with running_cluster(*changed, env=env) as cluster:
        cluster.wait_ready(1)
        assert list(states(cluster)) == ["asr-1"]


def test_a_command_without_a_gateway_says_so(tmp_path: Path) -> None:
    """With exit code 1 and the way out; a wrong count is refused by the gateway, a wrong flag by the command."""
    alone = harken(tmp_path, "scale", "3")
    assert (alone.returncode, alone.stdout) == (1, "")
    assert "harken up" in alone.stderr
    assert "[no_gateway]" in alone.stderr
    assert harken(tmp_path, "scale", "many").returncode == 2
    with running_cluster("--model", "stub", "--instances", "1", env={"HARKEN_STATE_FOLDER": str(tmp_path)}) as cluster:
        cluster.wait_ready(1)
        port = cluster.url.rpartition(":")[2]
        assert "[config_error]" in harken(tmp_path, "scale", "9999").stderr
        assert "[instance_not_found]" in harken(tmp_path, "drain", "asr-7", "--port", port).stderr
        assert "[no_gateway]" in harken(tmp_path, "scale", "1", "--port", "9").stderr
    assert list((tmp_path / "run").iterdir()) == []
