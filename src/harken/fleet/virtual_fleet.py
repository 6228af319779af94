"""Instances that exist only in a simulated day: they start, take segments into slots, finish and leave.

It knows neither queue nor autoscaler. The model is simple on purpose: an instance does `pace` audio-seconds per second
when its slots are full, each slot its even part of that, and a start takes `start_s`. Invariants: one that is to leave
takes nothing more and goes with its last segment; and every second of an instance, starting and leaving included, is
counted as cost.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What one instance is like.

    Attributes:
        pace: audio-seconds per second, with all slots in use.
        slots: segments at the same time.
        start_s: from its order until it is ready.
    """

    pace: float = 100.0
    slots: int = 32
    start_s: float = 30.0

    def run_s(self, audio_s: float) -> float:
        """How long a segment runs."""
        return audio_s * self.slots / self.pace


@dataclass(kw_only=True, slots=True, eq=False)
class VirtualInstance:
    """One instance.

    Attributes:
        is_ready: it takes segments, unless it leaves.
        is_leaving: it takes nothing more.
        running: segments in its slots.
    """

    is_ready: bool = False
    is_leaving: bool = False
    running: int = 0


class VirtualFleet:
    """The instances, and what they have cost.

    Args:
        kind: of all instances.
        count: that are ready from the beginning.

    Attributes:
        wanted: instances there are to be.
        instance_s: cost so far.
        busy_slot_s: of that, slots in use; `slot_s`: slots of those that were ready.
        most: instances at the same time.
    """

    def __init__(self, kind: Kind, count: int) -> None:
        self.kind = kind
        self.wanted = count
        self.instance_s = 0.0
        self.busy_slot_s = 0.0
        self.slot_s = 0.0
        self.most = count
        self._instances = [VirtualInstance(is_ready=True) for _ in range(count)]
        self._advanced_to = 0.0

    @property
    def ready(self) -> int:
        """Instances that take segments."""
        return sum(each.is_ready and not each.is_leaving for each in self._instances)

    @property
    def starting(self) -> int:
        """Instances that will."""
        return sum(not each.is_ready for each in self._instances)

    @property
    def in_flight(self) -> int:
        """Segments that run, those of leaving instances left out: no slot that counts is used by them."""
        return sum(each.running for each in self._instances if not each.is_leaving)

    def scale(self, count: int, now: float) -> list[VirtualInstance]:
        """Have so many; returns the new ones, whose start somebody has to end."""
        self.advance(now)
        self.wanted = count
        staying = [each for each in self._instances if not each.is_leaving]
        for each in reversed(staying[count:]):  # the newest goes first
            each.is_leaving = True
        self._instances = [each for each in self._instances if not self._is_gone(each)]
        new = [VirtualInstance() for _ in range(count - len(staying))]
        self._instances += new
        self.most = max(self.most, len(self._instances))
        return new

    def end_start(self, instance: VirtualInstance, now: float) -> None:
        """Its start is over; one that was let go meanwhile is not there any more."""
        self.advance(now)
        instance.is_ready = True

    def claim(self, now: float) -> VirtualInstance | None:
        """Take a slot of the instance with the fewest segments; None where no slot is free."""
        open_ones = [each for each in self._instances if each.is_ready and not each.is_leaving]
        chosen = min(open_ones, key=lambda each: each.running, default=None)
        if chosen is None or chosen.running >= self.kind.slots:
            return None
        self.advance(now)
        chosen.running += 1
        return chosen

    def release(self, instance: VirtualInstance, now: float) -> None:
        """A segment has ended."""
        self.advance(now)
        instance.running -= 1
        if self._is_gone(instance):
            self._instances.remove(instance)

    def advance(self, now: float) -> None:
        """Count the time that has passed."""
        passed_s, self._advanced_to = now - self._advanced_to, now
        if passed_s > 0:
            self.instance_s += passed_s * len(self._instances)
            self.busy_slot_s += passed_s * self.in_flight
            self.slot_s += passed_s * self.ready * self.kind.slots

    @staticmethod
    def _is_gone(instance: VirtualInstance) -> bool:
        return instance.is_leaving and not instance.running
