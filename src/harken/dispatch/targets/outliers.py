"""Which targets are much worse than their peers, by errors or by speed.

Pure. An instance at half speed still helps, since it simply gets fewer segments; setting it aside would make the others
slower. One that is four times slower holds what it has for so long that people are better off without it, and so it is
with one that fails every third segment. Speed has to be compared fairly: with continuous batching each segment is
slower the more run beside it, but all of them together are faster. So a target counts as slower only by the smaller
of two factors, that of its segments' own speed and that of its whole throughput. Hence the invariant: at whatever
loads, one that is f times slower than its peers is never taken for more than f times slower.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

SLOWER = 4.0
"""So many times slower than the median of the others is too slow."""

SLOW = 1.4
"""So many times slower is slow: it goes on, but clips are sent there only where it is that much emptier."""

FAILING = 0.125
"""Such a part more of failed segments than the others have is too many, if it is also more than twice theirs."""

FAILURES = 4.0
"""Failed segments, the faded ones counted for less, below which it is chance."""

VOLUME = 10.0
"""Segments, the faded ones counted for less, below which nothing is concluded."""

_SHARE_OF_EACH_S = 2.0
"""What a segment costs beside its length, in seconds of audio (the prompt, the way there and back). Targets may get
different mixes, such as short clips here and pieces of files there; without this, clips would make one look slow."""

_KEPT = 0.93
_KEPT_ENDS = 0.97
"""How segments ended is remembered for longer than their speed: it takes some thirty to tell a fifth from chance."""

_HALF_LIFE_S = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a target did lately.

    Attributes:
        volume: segments that it is known by, the faded ones counted for less.
        ends: the same, for how they ended.
        failed: the part of those that failed.
        speed: audio-seconds per second of one segment, each counted as a little longer than it is, and divided by the
            target's weight; 0 for unknown.
        throughput: the same of all that ran at the same time; 0 for unknown.
    """

    volume: float
    ends: float
    failed: float
    speed: float
    throughput: float


class Record:
    """The recent segments of one target; each fades with those after it (speed: to a half after ten) and with time."""

    def __init__(self) -> None:
        self._at = 0.0
        self._volume = 0.0
        self._ends = 0.0
        self._failed = 0.0
        self._audio_s = 0.0
        self._took_s = 0.0
        self._load_s = 0.0

    def succeeded(self, *, now: float, audio_s: float, took_s: float, load: float) -> None:
        """A segment was recognised, after so many seconds beside so many others (itself included)."""
        self._fade(now)
        self._audio_s += audio_s + _SHARE_OF_EACH_S
        self._took_s += took_s
        self._load_s += took_s * load

    def failed(self, *, now: float) -> None:
        """A segment failed, and not through the client's fault."""
        self._fade(now)
        self._failed += 1.0

    def standing(self, now: float, *, weight: float = 1.0) -> Standing:
        """What that amounts to now; of a target of three times the weight three times the speed is expected."""
        speed = self._audio_s / self._took_s / weight if self._took_s > 0 else 0.0
        kept = 0.5 ** ((now - self._at) / _HALF_LIFE_S)
        return Standing(
            volume=self._volume * kept,
            ends=self._ends * kept,
            failed=self._failed / self._ends if self._ends > 0 else 0.0,
            speed=speed,
            throughput=speed * self._load_s / self._took_s if self._took_s > 0 else 0.0,
        )

    def _fade(self, now: float) -> None:
        faded = 0.5 ** ((now - self._at) / _HALF_LIFE_S)
        kept = _KEPT * faded
        self._at = now
        self._ends = self._ends * _KEPT_ENDS * faded + 1.0
        self._failed *= _KEPT_ENDS * faded
        self._volume = self._volume * kept + 1.0
        self._audio_s *= kept
        self._took_s *= kept
        self._load_s *= kept


K = TypeVar("K")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlier(Generic[K]):
    """A target that is much worse.

    Attributes:
        target: which.
        badness: how much, to compare outliers with each other.
        reason: one sentence.
    """

    target: K
    badness: float
    reason: str


def outliers(standings: Iterable[tuple[K, Standing]]) -> list[Outlier[K]]:
    """Find them, the worst first; O(n log n). Who is too little known is neither judged nor compared with."""
    known = [(target, standing) for target, standing in standings if standing.volume >= VOLUME]
    if len(known) < 2:
        return []
    failed = sorted(standing.failed for _, standing in known)
    speeds = sorted(standing.speed for _, standing in known)
    throughputs = sorted(standing.throughput for _, standing in known)
    found = []
    for target, standing in known:
        usual = _median_of_others(failed, standing.failed)
        is_chance = standing.failed * standing.ends < FAILURES
        if not is_chance and standing.failed >= usual + FAILING and standing.failed > 2 * usual:
            reason = f"{standing.failed:.0%} of its segments failed lately, and {usual:.0%} of the others'."
            found.append(Outlier(target=target, badness=100.0 * standing.failed, reason=reason))
            continue
        if standing.speed <= 0:
            continue
        slower = min(
            _median_of_others(speeds, standing.speed) / standing.speed,
            _median_of_others(throughputs, standing.throughput) / standing.throughput,
        )
        if slower >= SLOWER:
            reason = f"It is {slower:.1f} times slower than the others."
            found.append(Outlier(target=target, badness=slower, reason=reason))
    return sorted(found, key=lambda outlier: -outlier.badness)


def slow_ones(standings: Iterable[tuple[K, Standing]]) -> dict[K, float]:
    """Find those that are slow, and how many times, though they need not rest; O(n log n).

    Nobody is set aside for that, so the load may be taken out by a guess, that throughput grows with its root: the
    published curve does so at about 16. Then the speed at a load of 1 is the geometric mean of speed and throughput.
    """
    known = [(target, standing) for target, standing in standings if standing.volume >= VOLUME and standing.speed > 0]
    if len(known) < 2:
        return {}
    paces = [math.sqrt(standing.speed * standing.throughput) for _, standing in known]
    ordered = sorted(paces)
    slower = ((target, _median_of_others(ordered, pace) / pace) for (target, _), pace in zip(known, paces, strict=True))
    return {target: times for target, times in slower if times >= SLOW}


def _median_of_others(ordered: list[float], own: float) -> float:
    """The lower median of all but one `own`."""
    place = bisect.bisect_left(ordered, own)
    middle = (len(ordered) - 2) // 2
    return ordered[middle] if middle < place else ordered[middle + 1]
