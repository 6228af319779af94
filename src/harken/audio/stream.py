"""One recording as a stream of pieces on the event loop.

Asks for the next pieces only when somebody wants one, and waits for them without blocking; the work itself is a
`Reading`'s, one pull at a time, in whatever threads `pull` uses. Cancelling a pull loses nothing: what it had started
comes to the next. The invariant: the pieces come in order and each comes once; what goes wrong is raised by every pull
from then on, so that nobody can take a part for the whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Self

from harken.audio.pieces import Piece, Pulled
from harken.types import SAMPLE_RATE

Pull = Callable[[], Future[Pulled]]
"""Starts to read on, in a thread. Raises where nothing can be started any more."""


class PieceStream:
    """Async iterator of a recording's pieces; several tasks may pull from it.

    Args:
        total_s: seconds that the file's head promises, None where it does not say.
        pull: starts the work for the next pieces.
        why_cancelled: gives the error that stands for work which was cancelled.
    """

    def __init__(self, total_s: float | None, pull: Pull, why_cancelled: Callable[[], Exception]) -> None:
        self.total_s = total_s
        """Seconds that the file's head promises: no measurement. None where it does not say."""
        self._pull = pull
        self._why_cancelled = why_cancelled
        self._ready: deque[Piece] = deque()
        self._pulled: Future[Pulled] | None = None
        self._decoded = 0
        self._is_over = False
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        return f"PieceStream(decoded_s={self.decoded_s:.1f}, total_s={self.total_s}, is_over={self._is_over})"

    @property
    def decoded_s(self) -> float:
        """Seconds up to the end of the last piece that is ready or gone; after the last piece: the recording's."""
        return self._decoded / SAMPLE_RATE

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        """Return the next piece.

        Raises:
            HarkenError: the recording is damaged or passes a limit, or the server shuts down.
        """
        while not self._ready:
            if self._error is not None:
                raise self._error
            if self._is_over:
                raise StopAsyncIteration
            await self._read_on()
        return self._ready.popleft()

    async def _read_on(self) -> None:
        if self._pulled is None:
            self._pulled = self._pull()
        pulled = self._pulled
        waiter = asyncio.wrap_future(pulled)
        # Whoever is cancelled here leaves the waiter behind; its error is nobody's news, it is kept in `pulled`.
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([waiter])
        # Several tasks may have waited for the same pieces: the first to wake takes them.
        if self._pulled is pulled:
            self._pulled = None
            self._take(pulled)

    def _take(self, pulled: Future[Pulled]) -> None:
        error = CancelledError() if pulled.cancelled() else pulled.exception()
        if error is not None:
            self._error = self._why_cancelled() if isinstance(error, CancelledError) else error
            return
        found = pulled.result()
        self._ready.extend(found.pieces)
        self._is_over = found.is_over
        if found.pieces:
            self._decoded = found.pieces[-1].end
