"""Consistent hashing with bounded loads: the same content meets the same target again, as long as that has room.

Each candidate owns many points on a ring (Karger et al., 1997); a segment belongs to the first point at or after its
own hash. Where that candidate is full, or has a quarter more than its share of all that is in flight, the next one on
the ring takes it (Mirrokni, Thorup and Zadimoghaddam, 2018), so that one popular key does not make one target hot. It
serves caches that live in the instances; ours lives in the gateway and needs no affinity. Invariant: adding or losing
one of n targets moves about one key in n, and only to or from that target.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections.abc import Collection, Iterator
from typing import Generic

from harken.dispatch.targets.candidate import C, Work

_POINTS = 64
"""Points of a candidate of weight 1: shares then differ by about an eighth of their size."""

_POINTS_MAX = 1024
_ROOM = 1.25
"""How much more than its share of what is in flight a candidate may have."""


class ConsistentHash(Generic[C]):
    """Takes the first candidate with room after the segment's place on a ring."""

    def __init__(self) -> None:
        self._ring: list[tuple[int, str]] = []
        self._by_name: dict[str, C] = {}
        self._in_flight: dict[C, int] = {}
        self._all_in_flight = 0
        self._all_weight = 0.0
        self._with_room = 0
        self._has_room: dict[C, bool] = {}
        self._without_affinity = itertools.count()

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now. O(1); a new one is put on the ring."""
        if candidate not in self._in_flight:
            for point in _points(candidate):
                bisect.insort(self._ring, (point, candidate.name))
            self._by_name[candidate.name] = candidate
            self._all_weight += candidate.weight
            self._in_flight[candidate], self._has_room[candidate] = 0, False
        self._note(candidate, candidate.load, has_room=candidate.free_slots > 0)

    def forget(self, candidate: C) -> None:
        """It is no candidate any more; its keys go to the others. O(length of the ring)."""
        if candidate not in self._in_flight:
            return
        self._note(candidate, 0, has_room=False)
        del self._in_flight[candidate], self._has_room[candidate]
        self._all_weight -= candidate.weight
        if self._by_name.get(candidate.name) is candidate:
            del self._by_name[candidate.name]
            self._ring = [entry for entry in self._ring if entry[1] != candidate.name]

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Walk the ring from the segment's place; O(log n) while most have room."""
        if not self._with_room:
            return None
        key = work.affinity or f"#{next(self._without_affinity)}"
        fallback: C | None = None
        for candidate in self._from(_hash(key)):
            if self._has_room[candidate] and candidate not in avoid:
                if candidate.load < self._bound(candidate):
                    return candidate
                fallback = fallback or candidate
        return fallback

    def _note(self, candidate: C, in_flight: int, *, has_room: bool) -> None:
        self._all_in_flight += in_flight - self._in_flight[candidate]
        self._in_flight[candidate] = in_flight
        self._with_room += has_room - self._has_room[candidate]
        self._has_room[candidate] = has_room

    def _bound(self, candidate: C) -> int:
        share = candidate.weight / self._all_weight
        return math.ceil(_ROOM * (self._all_in_flight + 1) * share)

    def _from(self, hashed: int) -> Iterator[C]:
        """Each candidate once, in the order of the ring; those who have no room are seen again and again."""
        start = bisect.bisect_left(self._ring, (hashed, ""))
        seen = 0
        passed: set[str] = set()
        for place in itertools.chain(range(start, len(self._ring)), range(start)):
            name = self._ring[place][1]
            if name not in passed:
                passed.add(name)
                candidate = self._by_name[name]
                if self._has_room[candidate]:
                    seen += 1
                    yield candidate
                    if seen == self._with_room:
                        return


def _points(candidate: C) -> Iterator[int]:
    count = max(1, min(round(_POINTS * candidate.weight), _POINTS_MAX))
    return (_hash(f"{candidate.name}/{number}") for number in range(count))


def _hash(text: str) -> int:
    """64 bits, the same in every process (Python's own hash of text is not)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
