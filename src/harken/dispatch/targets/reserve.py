"""The reserve: slots that bulk work leaves to short clips, so that those run beside few others.

With continuous batching a segment is as slow as the number that runs beside it, and the segments of long files would
fill every slot of every target. Throughput grows slowly near the slots' end, so it costs little to keep one target in
four emptier, and short clips, sent where the fewest run, find it: in the simulator at 90 % load their 99th percentile
falls by a third, while the fleet could still do 92 % of its best. Pure. Invariant: whatever the fleet, bulk work may
use at least as many slots of every target as that begins with, or all that it has.
"""

from __future__ import annotations

from collections.abc import Collection

from harken.dispatch.targets.capacity import START
from harken.dispatch.targets.target import Target

_PART_OF_FOUR = 0.35
"""What bulk work may have of a keeper's slots where there are four targets or more."""

_PART_OF_TWO = 0.75
"""The same of two or three, where one is a larger part of the whole."""


class Reserve:
    """Which targets keep slots, and how many."""

    def __init__(self) -> None:
        self._keepers: frozenset[Target] = frozenset()
        self._part = 1.0

    def settle(self, taking: Collection[Target]) -> frozenset[Target]:
        """Choose the keepers among the targets that take work, in their order; return those that this may change."""
        count = len(taking) // 4 if len(taking) >= 4 else int(len(taking) >= 2)
        before, part_before = self._keepers, self._part
        self._part = _PART_OF_FOUR if len(taking) >= 4 else _PART_OF_TWO
        self._keepers = frozenset(target for target, _ in zip(taking, range(count), strict=False))
        return before | self._keepers if self._part != part_before else before ^ self._keepers

    def open_slots(self, target: Target) -> int:
        """Segments of bulk work that it would take now."""
        if target not in self._keepers or not target.batches:
            return target.free_slots
        open_slots = max(START, round(self._part * target.slots))
        return max(0, min(target.free_slots, open_slots - target.load))


class OpenSide:
    """A target as bulk work sees it: a `Candidate` with fewer slots.

    Args:
        target: whose side it is.
        reserve: says how many.
    """

    __slots__ = ("_reserve", "target")

    def __init__(self, target: Target, reserve: Reserve) -> None:
        self.target = target
        self._reserve = reserve

    @property
    def name(self) -> str:
        """As the target's."""
        return self.target.name

    @property
    def free_slots(self) -> int:
        """What is open to bulk work."""
        return self._reserve.open_slots(self.target)

    @property
    def load(self) -> int:
        """As the target's."""
        return self.target.load

    @property
    def audio_left_s(self) -> float:
        """As the target's."""
        return self.target.audio_left_s

    @property
    def slowness(self) -> float:
        """None for bulk work, whose place is where room is: who waits for a file does not wait for one segment."""
        return 1.0

    @property
    def weight(self) -> float:
        """As the target's."""
        return self.target.weight

    @property
    def turn(self) -> int:
        """As the target's."""
        return self.target.turn

    @property
    def batches(self) -> bool:
        """As the target's."""
        return self.target.batches
