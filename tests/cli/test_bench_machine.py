"""Where a load test was run."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

from harken.cli.bench_machine import commit, machine


def test_a_machine_is_described_without_names() -> None:
    """A published report tells nobody's user, host or home."""
    shown = machine()
    assert "CPUs" in shown and "Python" in shown
    assert socket.gethostname() not in shown and str(Path.home()) not in shown
    assert getpass.getuser() not in shown.split()


def test_a_commit_is_one_word_or_unknown() -> None:
    """Of our own repository alone."""
    assert len(commit().split()) <= 1
