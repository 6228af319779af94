"""Lines out of log files: forwards through everything, backwards for the last few, several owners merged by time.

Streams: of gigabytes, no more than a block of each file is in memory. What a line means is `log_line`'s business. The
invariant: each line is given once, and a line without an end or of absurd length is given too, as what it is.
"""

from __future__ import annotations

import dataclasses
import heapq
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from harken.ops.log_filter import LogFilter
from harken.ops.log_line import LINE_BYTES, LogLine, parse_line

_BLOCK_BYTES = 65_536

_TIMELESS_MAX = 10_000
"""Lines in a row that are no events, before they are given without a time."""

_DISORDER_S = 60.0
"""By how much lines of one file may be out of order: threads overtake each other, and clocks are set."""


def forwards(files: Iterable[BinaryIO], owner: str) -> Iterator[LogLine]:
    """All lines of some files of one owner, the oldest first."""
    at = 0.0
    for file in files:
        for data in _lines(file):
            line = parse_line(data, owner, at)
            at = line.at
            yield line


def backwards(files: Sequence[BinaryIO], owner: str, *, end: int | None = None) -> Iterator[LogLine]:
    """All lines of some files of one owner; the newest line comes first.

    Args:
        files: the oldest first.
        owner: of the lines.
        end: where reading begins in the last file; None for its end.
    """
    timeless: list[LogLine] = []  # their time is that of the event before them, which is read after them
    for file in reversed(files):
        size = file.seek(0, os.SEEK_END)
        for data in lines_backwards(file, size if end is None else min(end, size)):
            line = parse_line(data, owner)
            timeless.append(line)
            if line.event or len(timeless) >= _TIMELESS_MAX:
                yield from (one if one is line else dataclasses.replace(one, at=line.at) for one in timeless)
                timeless.clear()
        end = None
    yield from timeless


def merged(streams: Iterable[Iterator[LogLine]]) -> Iterator[LogLine]:
    """The lines of several owners, each forwards, in the order of time."""
    return heapq.merge(*streams, key=lambda line: line.at)


def last(streams: Iterable[Iterator[LogLine]], wanted: LogFilter, count: int) -> list[LogLine]:
    """The last lines that are wanted, in the order of time; the streams run backwards."""
    recent = (_until(stream, wanted.since) for stream in streams)
    found = filter(wanted.wants, heapq.merge(*recent, key=lambda line: -line.at))
    return list(islice(found, count))[::-1]


def _until(stream: Iterator[LogLine], since: float) -> Iterator[LogLine]:
    for line in stream:
        if line.at < since - _DISORDER_S:
            return
        yield line


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while data := file.readline(LINE_BYTES):
        line = data
        while data and not data.endswith(b"\n"):  # absurdly long: the rest of it is passed over
            data = file.readline(LINE_BYTES)
        if line.strip():
            yield line.rstrip(b"\n")


def lines_backwards(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The lines of a file up to a place in it, without their ends, the last one first."""
    rest = b""
    while end > 0:
        size = min(_BLOCK_BYTES, end)
        end -= size
        file.seek(end)
        rest, *lines = (file.read(size) + rest[:LINE_BYTES]).split(b"\n")
        yield from (line for line in reversed(lines) if line.strip())
    if rest.strip():
        yield rest
