"""Who saw an engine recognise something, and when.

It passes everything through and remembers one time, so that an instance can tell of itself what a gateway tells of its
targets. The invariant: only a transcript counts, never an answer of another kind.
"""

from __future__ import annotations

from harken.clock import Clock
from harken.types import ModelInfo, Options, Recognizer, Segment, Send, Transcript


class Witness:
    """A recognizer around another.

    Args:
        recognizer: does the work.
        clock: seconds.
    """

    def __init__(self, recognizer: Recognizer, clock: Clock) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._last: float | None = None

    @property
    def last_success_s(self) -> float | None:
        """Seconds since the last transcript; None before the first."""
        return None if self._last is None else self._clock.now() - self._last

    async def model(self) -> ModelInfo:
        """See `harken.types.Recognizer`."""
        return await self._recognizer.model()

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`."""
        transcript = await self._recognizer.recognize(segment, options, send)
        self._last = self._clock.now()
        return transcript
