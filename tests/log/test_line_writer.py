"""Lines on their way out: they may be lost, but nobody waits for them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from harken.log import LineWriter


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
