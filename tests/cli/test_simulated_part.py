"""How far a simulation is, for those who wait: on a terminal and without one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from harken.cli.simulated_part import SimulatedPart


def test_without_a_terminal_each_arm_has_a_line_once_it_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; a short simulation says nothing."""
    for long_s, lines in ((0.0, ["Simulating auto (1 of 2)", "Simulating round_robin (2 of 2)"]), (60.0, [])):
        with SimulatedPart(arms=2, recordings=3, long_s=long_s) as part:
            for name in ("auto", "round_robin"):
                part.begin(name)
                for _ in range(3):
                    part.come()
        shown = capsys.readouterr()
        assert (shown.err.splitlines(), shown.out) == (lines, "")


@pytest.mark.slow
def test_a_terminal_shows_the_arm_and_a_part_of_it() -> None:
    """Not only how many arms are done: one may take ten seconds."""
    command = ("simulate", "--instances", "4", "--requests", "4000", "--policy", "auto", "--no-nginx", "--json")
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-m", "harken", *command], stdout=subprocess.PIPE, stderr=theirs, env=env
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65_536):
                shown += part
        except OSError:  # so Linux tells the end of a terminal
            pass
        os.close(ours)
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"{")
        assert process.wait(30) == 0
    assert b"auto (1 of 1)" in shown
