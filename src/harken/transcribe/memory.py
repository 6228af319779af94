"""What is remembered of a recording that was begun before: its finished pieces.

Owns the interface alone; jobs keep pieces in their database, so that a crash repeats none of them. The same bytes cut
by the same rules give the same pieces, so a piece is named by its samples [start, end). The invariant is the caller's:
a memory belongs to one recording, one ask and one revision of one model.
"""

from __future__ import annotations

from typing import Protocol

from harken.transcribe.result import PlacedTranscript


class Memory(Protocol):
    """Keeps the finished pieces of one recording."""

    def recall(self, start: int, end: int) -> PlacedTranscript | None:
        """Return the piece of the samples [start, end) if it is finished; it then is not recognised again."""
        ...

    async def keep(self, piece: PlacedTranscript) -> None:
        """Store a finished piece (`piece.start`, `piece.end` name it); awaited before the piece counts as done.

        Pieces come in any order, and several calls may run at the same time. Silence is not kept. What this raises
        ends the transcription.
        """
        ...


class NoMemory:
    """Remembers nothing."""

    def recall(self, start: int, end: int) -> PlacedTranscript | None:
        """Know nothing."""
        return None

    async def keep(self, piece: PlacedTranscript) -> None:
        """Keep nothing."""
