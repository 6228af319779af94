"""How long segments took lately: a quantile of the last few hundred, by length of audio.

Pure. Segments of about the same length are compared with each other only, because a clip of one second and one of
thirty differ by more than any instance does. What is old leaves by being pushed out, so the answer follows the load up
and down; a streaming estimate (P², Jain & Chlamtac 1985) would be smaller but never forgets. Invariant: the sorted list
and the ring hold the same numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque


class SlidingQuantile:
    """A quantile of the last so many numbers; O(log n) comparisons per number.

    Args:
        size: how many numbers are remembered.
    """

    def __init__(self, size: int = 256) -> None:
        self._recent: deque[float] = deque(maxlen=size)
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._recent)

    def add(self, value: float) -> None:
        """Take in a number; the oldest leaves when there is no room."""
        if len(self._recent) == self._recent.maxlen:
            del self._sorted[bisect_left(self._sorted, self._recent[0])]
        self._recent.append(value)
        insort(self._sorted, value)

    def at(self, share: float) -> float:
        """The smallest number that is not below `share` of them; there must be one."""
        return self._sorted[max(0, math.ceil(share * len(self._sorted)) - 1)]


class ServiceTimes:
    """Seconds that segments took on instances, in classes of their length: up to 1 s, 2 s, 4 s, 8 s, 16 s, more.

    Args:
        volume: a class with fewer numbers than this tells nothing.
    """

    def __init__(self, volume: int = 30) -> None:
        self._volume = volume
        self._classes: dict[int, SlidingQuantile] = {}

    def add(self, audio_s: float, took_s: float) -> None:
        """A segment of this length took so long, from its (first) sending to its end."""
        self._classes.setdefault(_class_of(audio_s), SlidingQuantile()).add(took_s)

    def quantile(self, audio_s: float, share: float) -> float | None:
        """What `share` of the segments of about this length took at most; None where too few were seen."""
        times = self._classes.get(_class_of(audio_s))
        return times.at(share) if times is not None and len(times) >= self._volume else None


def _class_of(audio_s: float) -> int:
    return min(max(0, math.ceil(math.log2(audio_s))), 5) if audio_s > 0 else 0
