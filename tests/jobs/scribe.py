"""A transcriber that tests can hold, break and look at; it needs no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from harken.transcribe.ask import Ask
from harken.transcribe.memory import Memory
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.watch import Watch
from harken.types import ANYBODY, ModelInfo, Requester
from tests.jobs.house import MODEL, PIECE, RESULT

INFO = ModelInfo(name=MODEL, revision="r1", max_segment_s=30.0, languages=("English", "Chinese"), slots=4)


@dataclass
class FakeScribe:
    """Recognises two pieces in each recording: [0, 1.5) and [1.5, 2.5), and says what is in the file.

    Attributes:
        gate: work waits in front of it, between the two pieces; None lets it pass.
        errors: raised instead of the second piece, one for each call, in order; None in the list for no error.
        recognised: every piece that was not recalled: the file's content and the piece's first sample.
        begun: counts up with every recording.
    """

    gate: asyncio.Event | None = None
    errors: list[Exception | None] = field(default_factory=list)
    recognised: list[tuple[str, int]] = field(default_factory=list)
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    info: Callable[[], ModelInfo] = lambda: INFO
    most: int = 0
    _running: int = 0

    async def transcribe(
        self,
        upload: Path | BinaryIO,
        ask: Ask,
        request_id: str,
        /,
        *,
        requester: Requester = ANYBODY,
        watch: Watch | None = None,
        memory: Memory | None = None,
        is_live: bool = True,
        in_flight: int | None = None,
    ) -> RecordingTranscript:
        """Recognise a file."""
        assert watch is not None
        assert memory is not None
        said = (upload.read_bytes() if isinstance(upload, Path) else upload.read()).decode()
        self._running += 1
        self.most = max(self.most, self._running)
        error = self.errors.pop(0) if self.errors else None
        try:
            await self._piece(memory, said, 0.0, 1.5)
            watch.progress(1.5, 2.5)
            self.begun.release()
            if self.gate is not None:
                await self.gate.wait()
            if error is not None:
                raise error
            await self._piece(memory, said, 1.5, 2.5)
        finally:
            self._running -= 1
        return replace(RESULT, text=said)

    async def _piece(self, memory: Memory, said: str, start_s: float, end_s: float) -> None:
        piece = replace(PIECE, start_s=start_s, end_s=end_s)
        if memory.recall(piece.start, piece.end) is None:
            self.recognised.append((said, piece.start))
            await memory.keep(piece)

    async def model(self) -> ModelInfo:
        """What is served."""
        return self.info()

    async def recognize(self, segment, options, send=None):  # type: ignore[no-untyped-def]
        """Not asked for here."""
        raise NotImplementedError
