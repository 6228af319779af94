"""Processes and addresses of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harken.ops.verify.here import Life, is_here, is_loopback, life_of

STILL = "import signal; print(flush=True); signal.pause()"


def test_a_process_runs_is_stopped_or_gone() -> None:
    """One that ended and was not fetched is gone too."""
    with subprocess.Popen([sys.executable, "-c", STILL], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert life_of(process.pid) is Life.RUNS
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert life_of(process.pid) is Life.STOPPED
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert life_of(process.pid) is Life.GONE
    assert life_of(process.pid) is Life.GONE
    assert life_of(1) is Life.RUNS


@pytest.mark.parametrize(
    ("url", "here", "loopback"),
    [
        ("http://127.0.0.1:7860", True, True),
        ("http://127.8.8.8", True, True),
        ("http://localhost:7860", True, True),
        ("http://0.0.0.0:7860", True, True),
        ("http://192.0.2.1:7860", False, False),
        ("http://[::ffff:7f00:1", False, False),
        ("http://", False, False),
        ("nonsense", False, False),
        ("http://a name that is none:1", False, False),
    ],
)
def test_an_address_of_this_machine_is_known(url: str, here: bool, loopback: bool) -> None:
    """192.0.2.1 is for documents, and nobody's."""
    if url not in {"nonsense", "http://"}:
        assert is_here(url) is here
    assert is_loopback(url) is loopback


def test_what_proc_does_not_say_is_not_guessed(tmp_path: Path) -> None:
    """Our own process runs, whatever its name is."""
    named = tmp_path / "a) Z (b"
    named.symlink_to(sys.executable)
    with subprocess.Popen([named, "-c", STILL], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert life_of(process.pid) is Life.RUNS
        process.kill()
