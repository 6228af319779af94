"""The bytes of one upload while they arrive: in memory, or in a nameless temporary file once there are many.

The file has no name in any folder, so nothing of a client's recording is left behind, however the process ends. Writing
happens in a thread, in large pieces; the event loop only appends to a buffer. A disk without room is `StorageFull`. The
invariant: however many uploads there are at once, together they hold `SHARED_BYTES` in memory, and `SMALL_BYTES` each.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from types import TracebackType
from typing import IO, Self

from harken.errors import StorageFull
from harken.log import get_log

MEMORY_BYTES = 16 * 1024 * 1024
"""Uploads up to here never touch the disk: ten minutes of 16-bit 16 kHz WAV, hours of anything compressed."""

SHARED_BYTES = 512 * 1024 * 1024
"""All uploads of a server together may hold so much in memory; what is beyond it goes to the disk sooner."""

SMALL_BYTES = 256 * 1024
"""And so much each in any case: a clip of a few seconds is not worth a file."""

_PIECE_BYTES = 4 * 1024 * 1024

_log = get_log("api.spool")


class SpoolMemory:
    """What the spools of one server hold in memory.

    Args:
        most_bytes: together.

    Attributes:
        used_bytes: now.
    """

    def __init__(self, most_bytes: int = SHARED_BYTES) -> None:
        self.used_bytes = 0
        self._most_bytes = most_bytes

    @property
    def is_short(self) -> bool:
        """No more should be taken."""
        return self.used_bytes > self._most_bytes


class Spool:
    """Collects bytes; use it in a `with`, which frees whatever it still holds.

    Args:
        memory_bytes: beyond this it goes to the disk.
        shared: counts it among others; None where it is alone.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES, *, shared: SpoolMemory | None = None) -> None:
        self.size = 0
        self._memory_bytes = memory_bytes
        self._shared = shared or SpoolMemory()
        self._held = 0
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buffer = bytearray()
        self._hold(-self._held)
        if self._file is not None:
            self._file.close()

    def append(self, piece: bytes | memoryview) -> None:
        """Take the next bytes; they are copied once."""
        self._buffer += piece
        self.size += len(piece)
        self._hold(len(piece))

    async def settle(self) -> None:
        """Move a large buffer to the file; to be called between two pieces of the body.

        Raises:
            StorageFull: the disk has no room for it.
        """
        is_large = self.size > self._memory_bytes and len(self._buffer) >= min(_PIECE_BYTES, self._memory_bytes)
        if is_large or (self._shared.is_short and len(self._buffer) >= SMALL_BYTES):
            await self._write()

    async def take(self) -> memoryview:
        """Hand out all bytes, once; the spool then holds nothing, so that they go when the taker lets go of them."""
        if self._file is None:
            view = memoryview(self._buffer)
            self._buffer = bytearray()
            return view
        await self._write()
        # The mapping outlives the file object; its pages can be dropped and read again, unlike a copy in memory.
        return memoryview(mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ))

    async def _write(self) -> None:
        piece, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._write_piece, piece)
        except OSError as error:
            # No room, a quota, no folder for temporary files: whichever it is, it is the operator's to mend.
            _log.warning("spool.failed", reason=str(error), bytes=self.size)
            raise StorageFull(retry_after_s=60) from error
        self._hold(-len(piece))

    def _hold(self, more: int) -> None:
        self._held += more
        self._shared.used_bytes += more

    def _write_piece(self, piece: bytearray) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._file.write(piece)
        self._file.flush()
