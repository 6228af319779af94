"""The memory of one claimed file: pieces of earlier tries, and those that are finished now.

Implements `harken.transcribe.Memory` over the leases' table. The invariant: a piece is in the database before it counts
as done, and a server that has lost the file learns it here at the latest, before its next piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harken.jobs.claim import Claim
from harken.jobs.threads import Threads
from harken.log import get_log
from harken.transcribe.result import PlacedTranscript
from harken.types import ModelInfo

if TYPE_CHECKING:
    from harken.jobs.leases import Leases


_log = get_log("jobs.memory")


class LeaseLost(Exception):
    """Another server has this file now, or its job was cancelled; whatever is found out here counts for nothing."""


class FileMemory:
    """Remembers the pieces of one file.

    Args:
        leases: where they are kept.
        claim: whose they are.
        maker: what made them; pieces of another maker are not recalled.
        known: what this maker finished before.
        threads: in which to write.
    """

    def __init__(
        self, leases: Leases, claim: Claim, maker: str, known: Iterable[PlacedTranscript], threads: Threads
    ) -> None:
        self._leases = leases
        self._claim = claim
        self._maker = maker
        self._known = {(piece.start, piece.end): piece for piece in known}
        self._threads = threads

    def recall(self, start: int, end: int) -> PlacedTranscript | None:
        """Return the piece of those samples if it was finished before."""
        return self._known.get((start, end))

    async def keep(self, piece: PlacedTranscript) -> None:
        """Write a finished piece down.

        Raises:
            LeaseLost: somebody else has the file.
        """
        if not await self._threads.run(self._leases.keep, self._claim, self._maker, piece):
            raise LeaseLost
        claim = self._claim
        _log.debug("jobs.piece_kept", job_id=claim.job_id, file=claim.number, start=piece.start, end=piece.end)


def maker_of(info: ModelInfo, stamp: str) -> str:
    """Name what makes pieces: these weights, this aligner, this state of the file."""
    aligner = info.aligner.revision if info.aligner else ""
    return f"{info.revision}/{aligner}/{stamp}"[:255]
