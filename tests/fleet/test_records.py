"""What a real `harken up` leaves in its run folder, and what becomes of it without one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.cluster import assert_gone

PATIENCE_S = 60.0

pytestmark = pytest.mark.slow


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def _up(state: Path, port: int, *flags: str, stderr: Path) -> Iterator[subprocess.Popen[str]]:
    """A gateway with one stub instance on a port of its own; gone afterwards, by SIGTERM."""
    command = [sys.executable, "-m", "harken", "up", "--model", "stub", "--instances", "1", "--first-port", "0"]
    command += ["--port", str(port), "--set", f"state.folder={state}", *flags]
    with (
        stderr.open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        children: set[int] = set()
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            _until(lambda: httpx.get(f"{url}/health", trust_env=False).status_code == 200)
            children = {child.pid for child in psutil.Process(process.pid).children()}
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    assert_gone(children)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between two looks


def _events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_gateway_writes_its_log_and_its_instances_and_reports_a_crash(tmp_path: Path) -> None:
    """An instance is killed: a report with what it was, and the log goes on in the same files after a restart."""
    port = _free_port()
    folder = tmp_path / "state" / "run" / str(port)
    with _up(tmp_path / "state", port, stderr=tmp_path / "err") as gateway:
        (instance,) = psutil.Process(gateway.pid).children()
        instance.send_signal(signal.SIGKILL)
        _until(lambda: any(folder.glob("crashes/*.json")))
    (report,) = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("crashes/*.json"))
    assert (report["instance"], report["signal"], report["phase"]) == ("asr-1", "SIGKILL", "ready")
    assert (report["pid"], report["model"], report["was_ready"]) == (instance.pid, "stub", True)
    assert 0 < report["uptime_s"] < PATIENCE_S and report["last_lines"]
    own = [event["event"] for event in _events(folder / "logs" / "gateway.log")]
    assert own[0] == "gateway.started" and "instance.crashed" in own
    of_instance = _events(folder / "logs" / "asr-1.log")
    assert {event["instance"] for event in of_instance} == {"asr-1"}
    with _up(tmp_path / "state", port, stderr=tmp_path / "err"):
        pass
    again = [event["event"] for event in _events(folder / "logs" / "gateway.log")]
    assert again[: len(own)] == own and again.count("gateway.started") == 2
    assert len(list(folder.glob("crashes/*.json"))) == 1, "an end in order is no crash"


def test_the_folder_of_a_gateway_on_port_0_goes_with_it(tmp_path: Path) -> None:
    """The next one has another port; nobody would find it."""
    with _up(tmp_path / "state", 0, stderr=tmp_path / "err"):
        assert len(list(tmp_path.glob("state/run/*/logs/gateway.log"))) == 1
    assert not list(tmp_path.glob("state/run/*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_a_folder_that_can_be_written_it_serves_and_says_so(tmp_path: Path) -> None:
    """A read-only home directory costs the records, no request."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with _up(locked / "state", _free_port(), "--set", "jobs.is_enabled=false", stderr=tmp_path / "err"):
        pass
    assert [event["event"] for event in _events(tmp_path / "err")].count("run_folder.unavailable") == 1


def test_a_file_in_the_place_of_the_run_folder_costs_the_records_alone(tmp_path: Path) -> None:
    """One warning; requests are served."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "run").touch()
    with _up(state, _free_port(), stderr=tmp_path / "err"):
        pass
    assert [event["event"] for event in _events(tmp_path / "err")].count("run_folder.unavailable") == 1


def test_files_can_be_switched_off(tmp_path: Path) -> None:
    """Standard error has everything, for those whose service manager keeps it."""
    with _up(tmp_path / "state", _free_port(), "--set", "log.to_files=false", stderr=tmp_path / "err"):
        pass
    assert not list(tmp_path.rglob("*.log"))
    assert {"gateway.started", "instance.phase"} <= {event["event"] for event in _events(tmp_path / "err")}
