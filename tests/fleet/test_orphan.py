"""No child outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harken.server.orphan import SUPERVISOR_PID, supervisor_of

CHILD = str(Path(__file__).parent / "child.py")
TIMEOUT_S = 20.0

PARENT = f"""
import asyncio, os, signal, sys
from harken.fleet.process import Process

# A job in the background of a shell inherits an ignored SIGINT, and so would this test.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    child = await Process.spawn([sys.executable, {CHILD!r}], os.environ)
    tell = lambda news: news.news == "ready" and print(child.pid, flush=True)
    await child.attend(tell, lambda line: None)

asyncio.run(main())
"""


@contextmanager
def parent_and_child() -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A process that attends a ready child."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            yield parent, psutil.Process(int(parent.stdout.readline()))
        finally:
            parent.kill()


@pytest.mark.slow
@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_child_dies_with_its_killed_parent(is_stopped: bool) -> None:
    """SIGKILL lets the parent do nothing; the child ends all the same, on Linux also when it is stopped."""
    if is_stopped and not sys.platform.startswith("linux"):
        pytest.skip("elsewhere a stopped orphan leaves when it is continued")
    with parent_and_child() as (parent, child):
        if is_stopped:
            child.suspend()
        parent.kill()
        parent.wait(TIMEOUT_S)
        gone, alive = psutil.wait_procs([child], timeout=TIMEOUT_S)
        assert gone or alive[0].status() == psutil.STATUS_ZOMBIE


def leave_code(env: dict[str, str], *, closes_input: bool) -> int:
    """Start a child by hand and return how it left."""
    with subprocess.Popen(
        [sys.executable, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **env}
    ) as child:
        assert child.stdin is not None
        if closes_input:
            child.stdin.close()
        try:
            return child.wait(TIMEOUT_S)
        finally:
            child.kill()


@pytest.mark.slow
def test_a_child_whose_parent_died_first_leaves_at_once() -> None:
    """Between fork and the first line of the child the parent may die: then the number of its parent is another."""
    assert leave_code({SUPERVISOR_PID: "1"}, closes_input=False) == 1


@pytest.mark.slow
def test_the_end_of_standard_input_is_the_end_of_the_parent() -> None:
    """The net for systems without parent-death signals."""
    assert leave_code({SUPERVISOR_PID: str(os.getpid())}, closes_input=True) == 1


@pytest.mark.parametrize(("told", "pid"), [("42", 42), ("", None), ("x", None), ("-1", None)])
def test_the_supervisor_is_told_by_a_variable(told: str, pid: int | None) -> None:
    """Nonsense is the same as nothing."""
    assert supervisor_of({SUPERVISOR_PID: told}) == pid
    assert supervisor_of({}) is None


@pytest.mark.slow
def test_signals_are_not_shared_with_the_child() -> None:
    """Ctrl-C in the terminal must reach the gateway only, which then stops its instances in order."""
    with parent_and_child() as (parent, child):
        assert os.getsid(child.pid) != os.getsid(parent.pid)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(TIMEOUT_S) != 0
        psutil.wait_procs([child], timeout=TIMEOUT_S)
