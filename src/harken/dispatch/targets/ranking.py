"""Policies that take the candidate with the smallest rank: most of them.

The ranks are kept in a heap, so that a choice among 1,000 targets costs no more than O(log n). An entry that is not
true any more (its candidate has changed since) stays behind as a husk and is dropped when it comes up. Of equal ranks
the longest unchosen goes first, so idle targets take turns: each proves itself and none stays cold. Invariant: each
candidate with a free slot has exactly one living entry, with the rank that it had at its last `update`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection
from typing import Generic

from harken.dispatch.targets.candidate import C, Work

_HUSKS_MAX = 64


class Ranked(Generic[C]):
    """Takes the candidate with the smallest rank.

    Args:
        rank: what is compared; it is read only in `update`.
    """

    def __init__(self, rank: Callable[[C], float]) -> None:
        self._rank = rank
        self._entries: list[tuple[float, int, int, C]] = []
        self._numbers: dict[C, int] = {}
        self._number = 0

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now. O(log n) on average."""
        if candidate.free_slots <= 0:
            self._numbers.pop(candidate, None)
            return
        self._number += 1
        self._numbers[candidate] = self._number
        heapq.heappush(self._entries, (self._rank(candidate), candidate.turn, self._number, candidate))
        if len(self._entries) > 2 * len(self._numbers) + _HUSKS_MAX:
            self._entries = [entry for entry in self._entries if self._numbers.get(entry[3]) == entry[2]]
            heapq.heapify(self._entries)

    def forget(self, candidate: C) -> None:
        """It is no candidate any more. O(1)."""
        self._numbers.pop(candidate, None)

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Take the smallest rank outside of `avoid`. O(log n) on average, times those avoided that come before it."""
        avoided: list[tuple[float, int, int, C]] = []
        chosen: C | None = None
        entries = self._entries
        while chosen is None and entries:
            entry = entries[0]
            if self._numbers.get(entry[3]) != entry[2]:
                heapq.heappop(entries)
            elif entry[3] in avoid:
                avoided.append(heapq.heappop(entries))
            else:
                chosen = entry[3]
        for entry in avoided:
            heapq.heappush(entries, entry)
        return chosen


class WeightedRoundRobin(Generic[C]):
    """Everybody in turn, as often as its weight says, and evenly spread.

    Each candidate is due at the times (k + ½) ÷ weight of a clock that only choices move, k = 0, 1, 2…; the earliest
    due goes next (Envoy's weighted round robin is built so; with the ½ the order is that of Sainte-Laguë's seats, and
    5:1:1 is as smooth as nginx's). Whoever was full meanwhile goes on from now and catches nothing up.
    """

    def __init__(self) -> None:
        self._due: dict[C, float] = {}
        self._now = 0.0
        self._by_due: Ranked[C] = Ranked(self._due.__getitem__)

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now. O(log n) on average."""
        due = self._due.get(candidate)
        if due is None:
            due = self._now + 0.5 / candidate.weight
        self._due[candidate] = max(due, self._now)
        self._by_due.update(candidate)

    def forget(self, candidate: C) -> None:
        """It is no candidate any more. O(1)."""
        self._due.pop(candidate, None)
        self._by_due.forget(candidate)

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Take the one that is due first outside of `avoid`, and put it off by 1 ÷ weight. O(log n) on average."""
        chosen = self._by_due.choose(work, avoid)
        if chosen is not None:
            due = self._due[chosen]
            self._now = max(self._now, due)
            self._due[chosen] = due + 1.0 / chosen.weight
            self._by_due.update(chosen)
        return chosen


def round_robin() -> Ranked[C]:
    """Everybody in turn: the longest unchosen, whatever it has to do."""
    return Ranked(lambda candidate: 0.0)


def fewest_in_flight() -> Ranked[C]:
    """Who has the fewest segments ("join the shortest queue", "least connections")."""
    return Ranked(lambda candidate: float(candidate.load))


def least_crowded() -> Ranked[C]:
    """Who has the fewest segments, those with this one counted as many times as it is slower than the others.

    With continuous batching a segment takes the longer the more run beside it; an idle target that is ten times slower
    is no better than one of the usual speed with nine.
    """
    return Ranked(lambda candidate: (candidate.load + 1) * candidate.slowness - 1.0)


def weighted_fewest_in_flight() -> Ranked[C]:
    """Who would have the fewest segments for its weight, with this one."""
    return Ranked(lambda candidate: (candidate.load + 1) / candidate.weight)


def least_audio_left() -> Ranked[C]:
    """Who has the fewest seconds of audio before it ("least work left")."""
    return Ranked(lambda candidate: candidate.audio_left_s)
