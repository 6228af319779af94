"""How fast a pretended engine works: several segments share one processor, and together they are faster than alone.

Pure: every method takes the time as an argument. All running segments progress at the same speed, so a single number,
the work done for each since the beginning, says who ends when (processor sharing in virtual time). The batching curve
is the technical report's Table 2 for the 0.6B model (offline): eight at a time are 4.6 times as fast as one.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from typing import NamedTuple

_CURVE: tuple[tuple[int, float], ...] = (
    (1, 1.0), (2, 1.65), (4, 2.89), (8, 4.63), (16, 6.21), (32, 7.78), (64, 9.35), (128, 10.52), (256, 11.02),
)  # fmt: skip
"""Segments at a time → throughput, in multiples of one alone."""


@functools.cache
def speedup(running: int) -> float:
    """Throughput of `running` segments together, in multiples of one alone; between the points linear in log2."""
    for (low, slow), (high, fast) in itertools.pairwise(_CURVE):
        if running <= high:
            return slow + (fast - slow) * math.log2(max(running, low) / low) / math.log2(high / low)
    return _CURVE[-1][1]


class Mark(NamedTuple):
    """A point in one segment's work that somebody wants to hear of; a tuple, because heaps compare them a lot."""

    at: float
    key: int
    part: int


class SharedWork:
    """The progress of all running segments.

    Args:
        rtfx: audio-seconds per second of one segment alone.
        now: the time at the beginning, in seconds.

    Attributes:
        busy_s: seconds in which anything ran.
    """

    def __init__(self, *, rtfx: float, now: float) -> None:
        self.busy_s = 0.0
        self._rtfx = rtfx
        self._then = now
        self._done = 0.0  # audio-seconds of work that each running segment was given since the beginning
        self._running: set[int] = set()
        self._marks: list[Mark] = []

    @property
    def running(self) -> int:
        """Segments that share the processor."""
        return len(self._running)

    def done_s(self, key: int, *, now: float) -> float | None:
        """Audio-seconds of work that a running segment and all before it were given; None where it does not run."""
        self._progress(now)
        return self._done if key in self._running else None

    def set_rtfx(self, rtfx: float, *, now: float) -> None:
        """Go on at another speed; 0 stops, and then nothing is next."""
        self._progress(now)
        self._rtfx = rtfx

    def start(self, key: int, audio_s: float, *, parts: int, now: float) -> None:
        """Begin a segment; `passed` will name it once for each of `parts` equal parts of its work."""
        self._progress(now)
        self._running.add(key)
        for part in range(1, parts + 1):
            heapq.heappush(self._marks, Mark(self._done + audio_s * part / parts, key, part))

    def stop(self, key: int, *, now: float) -> None:
        """Forget a segment: ended, or not wanted any more."""
        self._progress(now)
        self._running.discard(key)
        if not self._running:
            self._marks.clear()

    def passed(self, *, now: float) -> list[Mark]:
        """The marks passed since the last call, in order."""
        self._progress(now)
        passed: list[Mark] = []
        while self._marks and self._marks[0].at <= self._done + 1e-9:
            mark = heapq.heappop(self._marks)
            if mark.key in self._running:
                passed.append(mark)
        return passed

    def next_in_s(self) -> float | None:
        """Seconds from the last call until the next mark, if nothing changes; None when nothing runs or moves."""
        while self._marks and self._marks[0].key not in self._running:
            heapq.heappop(self._marks)
        if not self._marks or self._rtfx <= 0:
            return None
        return max(self._marks[0].at - self._done, 0.0) / self._speed()

    def _speed(self) -> float:
        return self._rtfx * speedup(len(self._running)) / len(self._running)

    def _progress(self, now: float) -> None:
        if self._running:
            passed_s = max(now - self._then, 0.0)
            self._done += passed_s * self._speed()
            self.busy_s += passed_s
        self._then = now
