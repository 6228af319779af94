"""How fast the fleet works just now, and from that, when a refused client should come back, and who need not wait.

Pure: events with their times in, numbers out. Only time in which something ran counts, so a quiet night does not make
the fleet look slow in the morning; both the audio and the busy seconds fade with the same half-life, so their quotient
follows the last minute or so. What the fleet can do at most shows only while somebody waits: with one clip at a time a
fleet of ten looks like one. So that is measured apart.
"""

from __future__ import annotations

import math

RETRY_AFTER_MIN_S = 1
RETRY_AFTER_MAX_S = 120

_UNKNOWN_RTFX = 10.0
"""What is assumed before anything was measured: one busy CPU instance's order of magnitude."""


_FULL_HALF_LIFE_S = 120.0
"""Of what is measured while somebody waits. Long segments that began together end together: for their first round it
must not look as if nothing were done."""


class _Rate:
    """A quotient of two sums that fade at the same speed."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._last = 0.0
        self._audio_s = 0.0
        self._busy_s = 0.0

    def won(self, audio_s: float) -> None:
        self._audio_s += audio_s

    def advance(self, now: float, *, counts: bool) -> None:
        if counts:
            kept = 0.5 ** ((now - self._last) / self._half_life_s)
            self._audio_s *= kept
            # The integral of the fading weight over the busy time that has just passed.
            self._busy_s = self._busy_s * kept + (1 - kept) * self._half_life_s / math.log(2)
        self._last = now

    @property
    def value(self) -> float | None:
        return self._audio_s / self._busy_s if self._audio_s > 0 and self._busy_s > 0 else None


class Pace:
    """Measured throughput: audio-seconds finished per second in which at least one segment ran.

    Args:
        half_life_s: busy seconds after which a measurement counts half.
    """

    def __init__(self, half_life_s: float = 30.0) -> None:
        self._running = 0
        self._busy = _Rate(half_life_s)
        self._full = _Rate(_FULL_HALF_LIFE_S)
        self._is_full = False
        self._most_running = 0
        self._ended_full = 0

    def start(self, now: float) -> None:
        """A segment began to run."""
        self._advance(now)
        self._running += 1
        self._most_running = max(self._most_running, self._running)

    def end(self, now: float, audio_s: float) -> None:
        """A segment ended; `audio_s` is what was won by it: its length, or 0 where it failed."""
        self._advance(now)
        self._running -= 1
        self._busy.won(audio_s)
        if self._is_full:
            self._full.won(audio_s)
            self._ended_full += 1

    def wait(self, now: float, *, is_full: bool) -> None:
        """Tell whether somebody waits for a slot of a fleet that works."""
        if is_full is not self._is_full:
            self._advance(now)
            self._is_full = is_full

    def rtfx(self, now: float) -> float | None:
        """Audio-seconds per busy second; None before anything was finished."""
        self._advance(now)
        return self._busy.value

    def full_rtfx(self, now: float) -> float | None:
        """The same of the time in which somebody waited; None before all that ran at once has ended once.

        It is no less than half of what is done just now (which jumps when several end together): a fleet that was held
        once, or has grown, must not be bound by its past until somebody waits again.
        """
        busy, full = self.rtfx(now), self._full.value
        if self._ended_full < self._most_running or full is None:
            return None
        return full if busy is None else max(full, busy / 2)

    def run_s(self, audio_s: float, now: float) -> float:
        """Seconds that a segment will run, about: what runs shares the pace, each as if it had its part of it."""
        return audio_s * max(self._running, 1) / (self.rtfx(now) or _UNKNOWN_RTFX)

    def work_off_s(self, queued_audio_s: float, now: float) -> float:
        """Seconds in which so much will have been worked off, about."""
        return queued_audio_s / (self.rtfx(now) or _UNKNOWN_RTFX)

    def retry_after_s(self, queued_audio_s: float, now: float) -> int:
        """Whole seconds until about all that waits now has been worked off, 1 to 120."""
        wait_s = self.work_off_s(queued_audio_s, now)
        return math.ceil(min(max(wait_s, RETRY_AFTER_MIN_S), RETRY_AFTER_MAX_S))

    def _advance(self, now: float) -> None:
        self._busy.advance(now, counts=self._running > 0)
        self._full.advance(now, counts=self._is_full)
