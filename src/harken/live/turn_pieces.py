"""A turn on its way through the path of files: its pieces while it goes on, and its one final text.

Owns the pieces that are decided and not yet pulled. The invariant: what the pipeline gets is a recording like any
other, whose end comes when the turn's does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from harken.audio import Piece
from harken.types import SAMPLE_RATE


class TurnPieces:
    """The pieces of one turn, as `harken.transcribe.pieces.Pieces` has it.

    Args:
        pulled: told when a piece was pulled.
    """

    def __init__(self, pulled: Callable[[], None]) -> None:
        self.total_s: float | None = None
        """Unknown until somebody stops speaking."""
        self._ready: deque[Piece] = deque()
        self._decoded = 0
        self._is_over = self._is_stopped = False
        self._news = asyncio.Event()
        self._pulled = pulled

    @property
    def decoded_s(self) -> float:
        """Up to the end of the last piece that is decided."""
        return self._decoded / SAMPLE_RATE

    @property
    def waiting_s(self) -> float:
        """Seconds of speech that nobody has pulled yet."""
        return sum(piece.audio_s for piece in self._ready if piece.has_speech)

    def stop(self) -> None:
        """Nobody pulls any more: what there is and what comes is for nobody."""
        self._is_stopped = True
        self._ready.clear()
        self._pulled()

    def put(self, pieces: Iterable[Piece], *, is_over: bool = False) -> None:
        """Add what was decided."""
        for piece in pieces:
            if not self._is_stopped:
                self._ready.append(piece)
            self._decoded = piece.end
        self._is_over = self._is_over or is_over
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        """Return the next piece, when there is one."""
        while not self._ready:
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        piece = self._ready.popleft()
        self._pulled()
        return piece
