"""Uploads: memory, mappings, paths and open files give the same bytes, within the limit, and never all at once."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio.upload import Upload, opened
from harken.audio.view import Bytes, Pages, View, unpack_at
from harken.audio.window import Window
from harken.errors import EmptyAudio, TruncatedAudio, UploadTooLarge

DATA = bytes(range(251)) * 4000


def _mapped(data: bytes) -> memoryview:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return memoryview(mmap.mmap(file.fileno(), len(data), access=mmap.ACCESS_READ))


WAYS: dict[str, Callable[[Path], Upload]] = {
    "bytes": lambda path: path.read_bytes(),
    "path": lambda path: path,
    "mapping": lambda path: _mapped(path.read_bytes()),
    "file in memory": lambda path: io.BytesIO(path.read_bytes()),
}


def _never() -> None:
    """Nothing is checked."""


def _view(data: bytes, reads: list[tuple[int, int]] | None = None) -> View:
    def read_at(at: int, size: int) -> bytes:
        assert 0 <= at <= at + size <= len(data), "reads stay inside the file"
        if reads is not None:
            reads.append((at, size))
        return data[at : at + size]

    return View(Pages(read_at, len(data)), 0, len(data))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_bytes(way: str, tmp_path: Path) -> None:
    """And refuses too many, and none at all."""
    path = tmp_path / "upload"
    path.write_bytes(DATA)
    with opened(WAYS[way](path), len(DATA), _never) as data:
        assert len(data) == len(DATA)
        assert bytes(data) == DATA
    with pytest.raises(UploadTooLarge), opened(WAYS[way](path), len(DATA) - 1, _never):
        pass
    if way != "mapping":
        path.write_bytes(b"")
        with pytest.raises(EmptyAudio), opened(WAYS[way](path), 10, _never):
            pass


def test_an_open_file_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    """Its place does not matter while it is read."""
    path = tmp_path / "upload"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        file.seek(100)
        with opened(file, len(DATA), _never) as data:
            file.seek(0)
            assert bytes(data[:10]) == DATA[100:110]
            assert len(data) == len(DATA) - 100
        assert not file.closed


def test_a_pipe_is_read_as_a_stream() -> None:
    """It has a descriptor, and no places."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sink:
        sink.write(b"abc")
    with os.fdopen(reading, "rb") as file, opened(file, 10, _never) as data:
        assert bytes(data) == b"abc"


def test_a_file_that_shrinks_is_an_error_of_this_upload(tmp_path: Path) -> None:
    """A mapping would kill the process."""
    path = tmp_path / "upload"
    path.write_bytes(DATA)
    with opened(path, len(DATA), _never) as data:
        os.truncate(path, 1000)
        with pytest.raises(TruncatedAudio, match="shorter"):
            bytes(data[500_000:500_010])


def test_reading_a_file_can_be_stopped(tmp_path: Path) -> None:
    """A walk over gigabytes looks at the clock with every window."""
    path = tmp_path / "upload"
    path.write_bytes(DATA)

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), opened(path, len(DATA), stop) as data:
        data[0]


def test_a_large_slice_is_read_only_when_it_is_wanted() -> None:
    """Walks go from one end to the other with a window in memory."""
    reads: list[tuple[int, int]] = []
    view = _view(DATA, reads)
    rest = view[1000:]
    assert reads == []
    assert bytes(rest[5:9]) == DATA[1005:1009]
    assert bytes(view[2000:2010]) == DATA[2000:2010]
    assert len(reads) == 1, "one window answers both"


@settings(max_examples=100, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(-1_100_000, 1_100_000), st.integers(-1_100_000, 1_100_000)), max_size=4),
    at=st.integers(-1_100_000, 1_100_000),
)
def test_a_view_behaves_like_the_bytes(cuts: list[tuple[int, int]], at: int) -> None:
    """Slices of slices, from both ends, and single bytes."""
    view: Bytes = _view(DATA)
    expected = memoryview(DATA)
    for start, end in cuts:
        view, expected = view[start:end], expected[start:end]
        assert len(view) == len(expected)
    if -len(expected) <= at < len(expected):
        assert view[at] == expected[at]
    else:
        with pytest.raises(IndexError):
            view[at]
    assert bytes(view) == bytes(expected)
    assert any(view) == any(expected)


def test_numbers_are_read_at_any_place() -> None:
    """As `struct` reads them out of memory."""
    assert unpack_at(">HB", _view(DATA), 3) == (0x0304, 5)


@pytest.mark.parametrize("size", [1, 3, 7, 100, -1])
def test_a_correction_is_seen_by_whoever_reads(size: int) -> None:
    """Whatever the reads begin and end with; the rest is not copied."""
    data = bytes(range(20))
    window, found = Window(memoryview(data), (5, b"abcd")), b""
    while piece := window.read(size):
        found += piece
    assert found == data[:5] + b"abcd" + data[9:]
    window.seek(6)
    assert window.read(2) == b"bc"
