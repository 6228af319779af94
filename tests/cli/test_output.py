"""Standard output that cannot be written, as a person meets it; `transcribe` and `listen` have theirs elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_FULL = Path("/dev/full")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harken", *arguments]


def _closed() -> int:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("arguments", [["--version"], ["export", "nginx"], ["status", "--json"]])
def test_a_full_disk_under_the_output_is_said_in_one_line(arguments: Sequence[str]) -> None:
    """Whatever the command, also where it writes so little that only its end would show."""
    with _FULL.open("w") as full:
        done = subprocess.run(_command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "harken: The output cannot be written: No space left on device. [cannot_print]"
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_reader_who_has_enough_is_not_complained_to() -> None:
    """Nor does the interpreter complain at its end."""
    writer = _closed()
    try:
        done = subprocess.run(_command("export", "nginx"), stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_a_server_serves_and_ends_well_whether_its_output_is_read_or_not(tmp_path: Path, kind: str) -> None:
    """What it could not announce is no failure of its own."""
    writer = _closed() if kind == "closed" else os.open(_FULL, os.O_WRONLY)
    env = {**os.environ, "HARKEN_STATE_FOLDER": str(tmp_path)}
    command = _command("serve", "--model", "stub", "--port", "0")
    try:
        with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=env) as process:
            try:
                assert process.stderr is not None
                assert any('"state": "ready"' in line for line in process.stderr)
                process.send_signal(signal.SIGTERM)
                rest = process.stderr.read()
                assert (process.wait(30), "Traceback" in rest, "Exception ignored" in rest) == (0, False, False)
            finally:
                process.kill()
    finally:
        os.close(writer)
