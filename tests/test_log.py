"""Logging: it may lose lines, never a request."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harken.config import LogConfig
from harken.errors import ConfigError
from harken.log import LineWriter, set_up_log


@pytest.mark.parametrize("wrong", [LogConfig(level="loud"), LogConfig(format="xml")])
def test_an_unknown_level_or_format_is_an_error(wrong: LogConfig) -> None:
    """A typo does not silence the log."""
    with pytest.raises(ConfigError):
        set_up_log(wrong)


def test_lines_are_written_in_order() -> None:
    """What could be written is all there."""
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    writer.start()
    for number in range(100):
        writer.write(f"{number}\n")
    writer.drain(5)
    os.close(writing)
    with os.fdopen(reading) as lines:
        assert [int(line) for line in lines] == list(range(100))


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    """Lines beyond the bound are dropped, counted, and told once there is room again."""
    reading, writing = os.pipe()
    writer = LineWriter(writing, lines_max=10)
    writer.start()
    for _ in range(1000):
        writer.write("x" * 4095 + "\n")
    assert writer.dropped > 0
    told = threading.Event()

    def read() -> None:
        with os.fdopen(reading) as lines:
            for line in lines:
                if line.startswith("log.dropped: "):
                    told.set()

    reader = threading.Thread(target=read)
    reader.start()
    writer.write("after\n")
    assert told.wait(10)
    writer.drain(5)
    os.close(writing)
    reader.join(10)
    assert writer.dropped == 0


def test_a_place_that_cannot_be_written_raises_nothing() -> None:
    """A full disk costs lines, not requests."""
    with Path("/dev/full").open("w") as full:
        writer = LineWriter(full.fileno())
        writer.start()
        writer.write("lost\n")
        writer.write("lost\n")
        writer.drain(5)
        assert writer.dropped == 2


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_not_end_a_command(redirection: str) -> None:
    """A service manager may start us with nothing open; a socket must not become standard output."""
    command = f"exec {sys.executable} -m harken status --server http://127.0.0.1:9 {redirection}"
    done = subprocess.run(["sh", "-c", command], timeout=60, check=False, capture_output=True)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
