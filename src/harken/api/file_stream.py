"""An answer that is a part of a file: read off the event loop, sent as fast as its reader reads.

The invariants: the descriptor is closed however the answer ends; and whoever reads nothing, has left, or is sent away
because the server shuts down, holds nothing any longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from harken.api.connected import while_connected

BLOCK_BYTES = 256 * 1024
"""Large enough for gigabytes a second, small enough that other work on the event loop never waits for it."""

STALL_S = 60.0
"""A reader that takes longer for one block is left."""


class FileStream(Response):
    """Sends `length` bytes from `first` on.

    Args:
        descriptor: of the file; closed in the end.
        first: the first byte.
        length: how many.
        status: 200 or 206.
        headers: of the answer.
        pool: where the file is read.
        is_over: asked before each block; the answer is cut off where it says so.
        on_end: called once, however it ends.
        stall_s: see `STALL_S`.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        first: int,
        length: int,
        status: int,
        headers: dict[str, str],
        pool: Executor,
        is_over: Callable[[], bool],
        on_end: Callable[[], None],
        stall_s: float = STALL_S,
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(length)})
        self._descriptor = descriptor
        self._first = first
        self._length = length
        self._pool = pool
        self._is_over = is_over
        self._on_end = on_end
        self._stall_s = stall_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            ClientDisconnect: the reader left, or was left; the connection is cut.
        """
        try:
            await while_connected(receive, self._send_all(send))
        finally:
            # A thread may still be reading for an answer that was cut off: nobody gets what it reads.
            os.close(self._descriptor)
            self._on_end()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        loop = asyncio.get_running_loop()
        position, end = self._first, self._first + self._length
        while position < end:
            if self._is_over():
                raise ClientDisconnect
            size = min(BLOCK_BYTES, end - position)
            block = await loop.run_in_executor(self._pool, os.pread, self._descriptor, size, position)
            if not block:
                raise ClientDisconnect  # the file was cut while it was sent: half an answer must not look whole
            position += len(block)
            try:
                async with asyncio.timeout(self._stall_s):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
            except TimeoutError:
                raise ClientDisconnect from None
        await send({"type": "http.response.body", "body": b"", "more_body": False})
