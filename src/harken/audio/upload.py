"""An upload as bytes to look at, after its size was checked: memory stays where it is, files are read as needed.

Nothing is copied but what is an open file without a descriptor, which has to be read to be known. The invariant: no
more than `max_bytes` are ever taken, and a file that this module opened is closed again.
"""

from __future__ import annotations

import io
import mmap
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from harken.audio.view import Bytes, Pages, View
from harken.errors import EmptyAudio, TruncatedAudio, UploadTooLarge

Upload = bytes | bytearray | memoryview | Path | BinaryIO
"""A recording's bytes, the path of a file that holds them, or an open file."""

_RELEASE_BYTES: Final = 4 * 1024 * 1024
"""So much of a mapped upload may have been read before its pages are handed back."""


@contextmanager
def opened(upload: Upload, max_bytes: int, check_time: Callable[[], None]) -> Iterator[Bytes]:
    """Give the bytes of an upload.

    Args:
        upload: an open file is read from where it stands; it stays open, and must, until this block is left.
        max_bytes: the most that is accepted.
        check_time: called whenever a file is read; what it raises ends the work.

    Raises:
        EmptyAudio: there are none.
        UploadTooLarge: there are too many.
        TruncatedAudio: (later) the file is shorter than it was at the start.
    """
    if isinstance(upload, Path):
        with upload.open("rb") as file:
            yield _view_of_file(file, max_bytes, check_time)
    elif isinstance(upload, bytes | bytearray | memoryview):
        yield _view_of_memory(memoryview(upload).cast("B"), max_bytes, check_time)
    elif _is_regular(upload):
        yield _view_of_file(upload, max_bytes, check_time)
    else:
        data = upload.read(max_bytes + 1)
        _check_size(len(data), max_bytes)
        yield memoryview(data)


def _is_regular(file: BinaryIO) -> bool:
    """Whether it has a descriptor that can be read at any place: no pipe, no object in memory."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except io.UnsupportedOperation:
        return False


def _view_of_file(file: BinaryIO, max_bytes: int, check_time: Callable[[], None]) -> View:
    number, start = file.fileno(), file.tell()
    size = os.fstat(number).st_size - start
    _check_size(size, max_bytes)

    def read_at(at: int, wanted: int) -> bytes:
        check_time()
        found = b""
        while len(found) < wanted:
            piece = os.pread(number, wanted - len(found), start + at + len(found))
            if not piece:
                raise TruncatedAudio("The file became shorter while it was read.")
            found = found + piece if found else piece
        return found

    return View(Pages(read_at, size), 0, size)


def _view_of_memory(data: memoryview, max_bytes: int, check_time: Callable[[], None]) -> Bytes:
    _check_size(len(data), max_bytes)
    if not (isinstance(data.obj, mmap.mmap) and data.readonly):
        return data
    mapped, passed = data.obj, 0

    def read_at(at: int, wanted: int) -> bytes:
        # A mapped file's pages count as this process's memory for as long as nobody else needs it.
        nonlocal passed
        check_time()
        found = bytes(data[at : at + wanted])
        passed += wanted
        if passed >= _RELEASE_BYTES:
            passed = 0
            mapped.madvise(mmap.MADV_DONTNEED)
        return found

    return View(Pages(read_at, len(data)), 0, len(data))


def _check_size(size: int, max_bytes: int) -> None:
    if size <= 0:
        raise EmptyAudio
    if size > max_bytes:
        raise UploadTooLarge(f"The upload has more than {max_bytes} bytes, the most that is accepted.")
