"""A read-only file over the bytes of an upload.

Both decoding libraries read from file objects. `io.BytesIO` would copy everything; this window copies only what is
asked for. Bytes that a live recorder left wrong in the header can be replaced on the way, without a copy of the rest.
"""

from __future__ import annotations

import io

from harken.audio.view import Bytes


class Window(io.RawIOBase):
    """A seekable, read-only file.

    Args:
        data: its content …
        correction: … but for these bytes at this place, which lie inside it.
    """

    def __init__(self, data: Bytes, correction: tuple[int, bytes] | None = None) -> None:
        super().__init__()
        self._data = data
        self._correction = correction
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
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        wanted = len(self._data) if size is None or size < 0 else size
        piece = bytes(self._data[self._at : self._at + wanted])
        if self._correction is not None:
            piece = _corrected(piece, self._at, *self._correction)
        self._at += len(piece)
        return piece


def _corrected(piece: bytes, at: int, place: int, content: bytes) -> bytes:
    """Replace what of `content`, which belongs at `place`, falls into the piece that begins at `at`."""
    start, end = max(place, at), min(place + len(content), at + len(piece))
    if start >= end:
        return piece
    return piece[: start - at] + content[start - place : end - place] + piece[end - at :]
