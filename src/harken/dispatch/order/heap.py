"""A heap of numbers, some of which die before they come up.

Taking one out of the middle of a heap would cost O(n), so the dead stay behind as husks: passed over when they come up,
swept once they are the majority. Invariant: `first` never returns a dead number, and each operation costs O(log n) on
average, since every husk is paid for by the push that made it.
"""

from __future__ import annotations

import heapq
from collections.abc import Container

_HUSKS_MAX = 64


class Heap:
    """Numbers, smallest key first; of equal keys the smaller number.

    Args:
        alive: the numbers that still count, those of other heaps included.
    """

    __slots__ = ("_alive", "_entries")

    def __init__(self, alive: Container[int]) -> None:
        self._alive = alive
        self._entries: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """Entries, husks included."""
        return len(self._entries)

    def push(self, key: float, number: int) -> None:
        """Add a number that is alive. O(log n)."""
        heapq.heappush(self._entries, (key, number))

    def first(self) -> tuple[float, int] | None:
        """The key and number that are next; None where nothing lives."""
        entries = self._entries
        while entries and entries[0][1] not in self._alive:
            heapq.heappop(entries)
        return entries[0] if entries else None

    def sweep(self, living: int) -> None:
        """Drop the husks if they are the majority; `living` says how many entries are not."""
        if len(self._entries) > 2 * living + _HUSKS_MAX:
            self._entries = [entry for entry in self._entries if entry[1] in self._alive]
            heapq.heapify(self._entries)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
