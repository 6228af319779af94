"""The end of a process, and what is done before it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_PROCESS = """
import atexit, sys
from harken.server.teardown import skip_teardown

class Counted:
    def __del__(self):
        print("leaked")

before = Counted()
ending_with = skip_teardown()
atexit.register(print, "last line", end="")
{end}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("sys.exit(ending_with(5))", 5, "last line"),
        ("sys.exit(5)", 5, "last lineleaked\n"),
        ("ending_with(5); sys.stdout.close()", 5, ""),
        ("raise ValueError", 1, "last lineleaked\n"),
    ],
)
def test_a_process_ends_behind_its_last_words(end: str, code: int, said: str) -> None:
    """Everything registered for the end is done, and nothing is cleared up behind it; without a code it is as ever."""
    done = subprocess.run([sys.executable, "-c", _PROCESS.format(end=end)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said)


@pytest.mark.slow
def test_an_instance_says_nothing_behind_its_last_line() -> None:
    """Its last lines are what a crash report keeps, and no extension's list of leaked types."""
    command = [sys.executable, "-m", "harken", "serve", "--model", "digits", "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as instance:
        try:
            assert instance.stdout is not None
            while "ready" not in (line := instance.stdout.readline()):
                assert line, "it never became ready"
            instance.terminate()
            _, said = instance.communicate(timeout=60)
        finally:
            instance.kill()
    assert instance.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[-1]["event"] == "instance.state" and lines[-1]["state"] == "stopped"
