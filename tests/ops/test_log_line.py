"""A line of a log file, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.ops.log_line import parse_line

EVENT = b'{"event": "request.done", "level": "info", "timestamp": "1970-01-01T00:01:40.5Z", "audio_s": 1.5}'


def test_an_event_is_understood() -> None:
    """When, what, how grave, and all of its fields."""
    line = parse_line(EVENT, "gateway")
    assert (line.owner, line.at, line.level, line.event) == ("gateway", 100.5, "info", "request.done")
    assert line.fields["audio_s"] == 1.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Segmentation fault",
        EVENT[:40],
        EVENT[40:],
        b"[" * 100_000,
        b'{"event": 3, "level": "info", "timestamp": "1970-01-01T00:01:40Z"}',
        b'{"event": "x", "level": "loud", "timestamp": "1970-01-01T00:01:40Z"}',
        b'{"event": "x", "level": "info"}',
        b'{"event": "x", "level": "info", "timestamp": "yesterday"}',
        b'{"event": "x", "level": "info", "timestamp": "0001-01-01T00:00:00Z"}',
        b'{"event": "x", "level": ["info"], "timestamp": 5}',
        b'{"event": 1' + b"0" * 5000 + b"}",
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_a_line_of_its_neighbours_time(data: bytes) -> None:
    """Half lines, prints of libraries, other people's JSON."""
    line = parse_line(data, "asr-1", 7.0)
    assert (line.event, line.level, line.at, line.owner) == ("", "", 7.0, "asr-1")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    """Every line is understood as something."""
    assert parse_line(data, "gateway").owner == "gateway"
