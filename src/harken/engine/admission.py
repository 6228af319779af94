"""Who may come in: one count of the segments that an engine holds, and the pace at which they end.

Pure. A segment that is too long, or one too many, is refused before anything is spent on it. The invariant: what
`admit` adds it takes away again, however the block ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harken.errors import AudioTooLong, QueueFull
from harken.types import SAMPLE_RATE, Segment

_RETRY_AFTER_MAX_S = 120


@dataclass(kw_only=True, slots=True)
class Admitted:
    """One segment inside; `is_done` says that it was recognised, so that it counts for the pace."""

    is_done: bool = False


class Admission:
    """Counts segments in and out.

    Args:
        room: segments that may be inside at the same time.
        max_segment_s: the longest that one may be, in seconds.

    Attributes:
        in_flight: segments inside.
        in_flight_audio_s: their seconds of audio.
        done_audio_s: seconds of audio that were recognised so far.
    """

    def __init__(self, *, room: int, max_segment_s: float) -> None:
        self._room = room
        self._max_segment_s = max_segment_s
        self.done_audio_s = 0.0
        self.in_flight = 0
        self.in_flight_audio_s = 0.0

    @contextmanager
    def admit(self, segment: Segment, *, busy_s: float) -> Iterator[Admitted]:
        """Hold a place for one segment.

        Args:
            segment: which one.
            busy_s: seconds that the model has worked so far; with it Retry-After is computed.

        Raises:
            AudioTooLong: it is longer than one pass of the model may be; it is never cut.
            QueueFull: no place is left.
        """
        if len(segment.samples) > round(self._max_segment_s * SAMPLE_RATE):
            limit = f"{self._max_segment_s:g} s"
            raise AudioTooLong(f"The segment has {segment.audio_s:.2f} s; this model takes at most {limit} at once.")
        if self.in_flight >= self._room:
            raise QueueFull(retry_after_s=self._retry_after_s(busy_s))
        admitted = Admitted()
        self.in_flight += 1
        self.in_flight_audio_s += segment.audio_s
        try:
            yield admitted
        finally:
            self.in_flight -= 1
            # No rounding error may stay behind when nothing is inside.
            self.in_flight_audio_s = self.in_flight_audio_s - segment.audio_s if self.in_flight else 0.0
            if admitted.is_done:
                self.done_audio_s += segment.audio_s

    def rtfx(self, *, busy_s: float) -> float | None:
        """Audio-seconds recognised per second of the model's work; None before the first."""
        return self.done_audio_s / busy_s if busy_s > 0 and self.done_audio_s > 0 else None

    def _retry_after_s(self, busy_s: float) -> int:
        pace = self.rtfx(busy_s=busy_s) or 1.0
        return min(max(math.ceil(self.in_flight_audio_s / pace), 1), _RETRY_AFTER_MAX_S)
