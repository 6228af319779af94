"""Bytes that are looked at where they lie: in memory, or in a file that is read window by window.

A recording may have gigabytes, and its skeleton is walked from one end to the other; what was passed need not stay in
memory. Files are read with `pread` and not mapped: a file that somebody shortens meanwhile is then an error of this
one upload, and not a SIGBUS for the whole server. The invariant: a `View` behaves like a read-only memoryview of the
same bytes, but for steps, and holds one window of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, overload

ReadAt = Callable[[int, int], bytes]
"""Takes a place and a size, both inside the file; returns exactly so many bytes."""

_WINDOW_BYTES: Final = 256 * 1024
_SMALL_BYTES: Final = 32 * 1024
"""Slices up to here come out of the window; larger ones are views themselves, and read when somebody wants them."""


class Bytes(Protocol):
    """What is asked of a file's bytes: `memoryview` and `View` have it."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[int]: ...

    @overload
    def __getitem__(self, at: int, /) -> int: ...

    @overload
    def __getitem__(self, at: slice, /) -> Bytes: ...


class Pages:
    """A file, and the window of it that was read last.

    Args:
        read_at: reads from the file.
        size: of the file, in bytes.
    """

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self._read_at = read_at
        self.size = size
        self._window = memoryview(b"")
        self._at = 0

    def get(self, at: int, size: int) -> memoryview:
        """Return `size` bytes from `at` on, both inside the file."""
        offset = at - self._at
        if offset < 0 or offset + size > len(self._window):
            self._window = memoryview(self._read_at(at, min(max(size, _WINDOW_BYTES), self.size - at)))
            self._at, offset = at, 0
        return self._window[offset : offset + size]

    def read(self, at: int, size: int) -> bytes:
        """Read `size` bytes from `at` on past the window."""
        return self._read_at(at, size)


class View:
    """Bytes [start, end) of a file."""

    def __init__(self, pages: Pages, start: int, end: int) -> None:
        self._pages = pages
        self._start = start
        self._size = end - start

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        for at in range(0, self._size, _SMALL_BYTES):
            yield from self._pages.get(self._start + at, min(_SMALL_BYTES, self._size - at))

    def __bytes__(self) -> bytes:
        return self._pages.read(self._start, self._size)

    @overload
    def __getitem__(self, at: int, /) -> int: ...

    @overload
    def __getitem__(self, at: slice, /) -> View | memoryview: ...

    def __getitem__(self, at: int | slice, /) -> View | memoryview | int:
        if isinstance(at, slice):
            return self._slice(at)
        if not -self._size <= at < self._size:
            raise IndexError(at)
        return self._pages.get(self._start + at % self._size, 1)[0]

    def _slice(self, at: slice) -> View | memoryview:
        start, end, step = at.indices(self._size)
        if step != 1:
            raise ValueError("a view of a file has no steps")
        size = max(0, end - start)
        if size <= _SMALL_BYTES:
            return self._pages.get(self._start + start, size)
        return View(self._pages, self._start + start, self._start + end)


def unpack_at(layout: str, data: Bytes, at: int) -> tuple[Any, ...]:
    """Read numbers out of the bytes from `at` on; see `struct.unpack_from`."""
    return struct.unpack(layout, bytes(data[at : at + struct.calcsize(layout)]))
