"""Bytes to lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.lines.text_lines import Lines
from harken.wire import WireError


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")), max_size=10), st.integers(1, 30))
def test_how_bytes_arrive_does_not_matter(lines: list[bytes], step: int) -> None:
    """Any cut of the stream gives the same lines; empty ones mean nothing."""
    stream = b"".join(line + b"\n" for line in lines)
    cutter = Lines()
    got = [line for at in range(0, len(stream), step) for line in cutter.feed(stream[at : at + step])]
    assert got == [line for line in lines if line]


def test_a_line_without_its_end_is_not_a_line() -> None:
    """It may be half a message."""
    cutter = Lines()
    assert cutter.feed(b"one\ntw") == [b"one"]
    assert cutter.feed(b"o\n") == [b"two"]


@pytest.mark.parametrize("chunks", [[b"x" * 11], [b"x" * 6, b"x" * 5], [b"ok\n" + b"x" * 11 + b"\n"]])
def test_a_line_has_a_bound(chunks: list[bytes]) -> None:
    """Whether it ends or not."""
    cutter = Lines(line_bytes_max=10)
    for chunk in chunks[:-1]:
        assert cutter.feed(chunk) == []
    with pytest.raises(WireError, match="longer than 10"):
        cutter.feed(chunks[-1])
