"""A read-only file over bytes that already lie in memory.

Both decoding libraries read from file objects. `io.BytesIO` would copy a memory map or a slice; this window copies
only what is asked for, so that peak memory stays the upload plus the output.
"""

from __future__ import annotations

import io


class Window(io.RawIOBase):
    """A seekable, read-only file whose content is `data`."""

    def __init__(self, data: memoryview) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    @property
    def is_at_end(self) -> bool:
        """Whether the last byte has been read."""
        return self._at >= len(self._data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; places before the start count as the start, places behind the end are allowed and read nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Copy the next bytes into `buffer`; returns how many."""
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        wanted = len(self._data) if size is None or size < 0 else size
        piece = bytes(self._data[self._at : self._at + wanted])
        self._at += len(piece)
        return piece
