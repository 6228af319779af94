"""Reading log files: every line once, in time's order, in little memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.log.rotating_file import RotatingFile
from harken.ops.log_filter import LogFilter
from harken.ops.log_folder import current, opened, owners
from harken.ops.log_reading import backwards, forwards, last, lines_backwards, merged
from tests.ops.lines import data


def file(*lines: bytes) -> BinaryIO:
    """A file of these lines."""
    return io.BytesIO(b"".join(line + b"\n" for line in lines))


@given(st.lists(st.binary(max_size=30).map(lambda part: part.replace(b"\n", b"."))), st.booleans())
def test_backwards_gives_the_same_lines(lines: list[bytes], is_torn: bool) -> None:
    """In the other order, also where the last has no end; empty ones are left out either way."""
    whole = b"".join(line + b"\n" for line in lines)
    held = io.BytesIO(whole + (b"torn" if is_torn else b""))
    ahead = [line.text for line in forwards([held], "gateway")]
    assert [line.text for line in backwards([held], "gateway")] == ahead[::-1]


def test_backwards_crosses_blocks() -> None:
    """Lines longer than what is read at once, and many short ones."""
    lines = [b"x" * size for size in (1, 70_000, 5, 200_000, 65_536, 65_535)] + [
        b"%d" % number for number in range(20_000)
    ]
    held = file(*lines)
    assert list(lines_backwards(held, held.seek(0, 2))) == lines[::-1]


def test_a_line_of_absurd_length_is_one_line() -> None:
    """It costs no memory of its length, and the next line is itself again."""
    held = file(b"x" * 5_000_000, data("after", 100))
    assert [(line.event, len(line.text) <= 1 << 20) for line in forwards([held], "gateway")] == [
        ("", True),
        ("after", True),
    ]
    assert [line.event for line in backwards([held], "gateway")] == ["after", ""]


def test_owners_are_merged_by_time() -> None:
    """One log tells one story; what has no time stays with its neighbour."""
    gateway = forwards([file(data("a", 1), data("d", 4))], "gateway")
    instance = forwards([file(data("b", 2), b"a traceback", data("e", 5))], "asr-1")
    assert [line.event or line.text for line in merged([gateway, instance])] == ["a", "b", "a traceback", "d", "e"]


def test_the_last_lines_are_the_last_that_are_wanted() -> None:
    """Of all owners together, in the order of time."""
    gateway, instance = file(data("x", 1), data("y", 3), data("x", 5)), file(data("x", 2), data("x", 4))
    streams = [backwards([gateway], "gateway"), backwards([instance], "asr-1")]
    assert [line.at for line in last(streams, LogFilter(event="x"), 3)] == [2, 4, 5]


def test_no_more_is_read_than_needed() -> None:
    """The last line of a huge file is at its end; lines before the time asked for are not looked for."""

    def endless() -> BinaryIO:
        return file(*(data("x", at) for at in range(20_000)))

    held = endless()
    assert [line.at for line in last([backwards([held], "gateway")], LogFilter(), 2)] == [19_998, 19_999]
    assert held.tell() > 1_400_000
    held = endless()
    assert len(last([backwards([held], "gateway")], LogFilter(since=19_900), 10**9)) == 100
    assert held.tell() > 1_400_000


def test_whose_files_there_are_is_told_by_their_names(tmp_path: Path) -> None:
    """The gateway first, instances by their number; also one whose current file is away."""
    for name in ("asr-10.log", "asr-2.log", "gateway.log", "gateway.log.1", "asr-3.log.2", "notes.txt", "x.log.gz"):
        (tmp_path / name).touch()
    assert owners(tmp_path) == ("gateway", "asr-2", "asr-3", "asr-10")
    assert owners(tmp_path / "nowhere") == ()


def test_rotated_files_are_read_first(tmp_path: Path) -> None:
    """The oldest has the highest number."""
    path = current(tmp_path, "gateway")
    writer = RotatingFile(path, file_bytes=300, files=9)
    for at in range(20):
        writer.write(data("x", at) + b"\n")
    with opened(path) as files:
        assert len(files) > 3
        assert [line.at for line in forwards(files, "gateway")] == list(range(20))


def test_a_file_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A folder or a pipe with its name."""
    path = current(tmp_path, "gateway")
    path.mkdir()
    path.with_name("gateway.log.1").write_bytes(data("x", 1) + b"\n")
    with opened(path) as files:
        assert [line.event for line in forwards(files, "gateway")] == ["x"]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_can_be_asked_for(count: int) -> None:
    """An empty file, and no lines at all."""
    assert last([backwards([file()], "gateway"), backwards([], "asr-1")], LogFilter(), count) == []
