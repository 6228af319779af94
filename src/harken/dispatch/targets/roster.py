"""The roster: the targets by name, and what they show just now.

It keeps what would otherwise have to be looked up at every target: who is ready, who takes work, who has room, and what
the policies know. It decides nothing and judges nobody (`pool` does). Invariant: after each `refresh` of a target that
has changed, sums and policies know what it shows; so no decision costs O(number of targets).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from harken.dispatch.targets.candidate import Work
from harken.dispatch.targets.choice import Policy
from harken.dispatch.targets.reserve import OpenSide, Reserve
from harken.dispatch.targets.target import Target


class Roster:
    """The targets of a pool.

    Args:
        policy: which target gets a segment.
        bulk_policy: the same for bulk work, which sees only what is not in reserve.
    """

    def __init__(self, policy: Policy[Target], bulk_policy: Policy[OpenSide]) -> None:
        self.ready: set[Target] = set()
        self._policy = policy
        self._bulk_policy = bulk_policy
        self._reserve = Reserve()
        self._targets: dict[str, Target] = {}
        self._called: dict[str, set[Target]] = {}  # what they call themselves → who does
        self._sides: dict[Target, OpenSide] = {}
        self._slow: Mapping[Target, float] = {}
        self._taking: set[Target] = set()
        self._with_room: set[Target] = set()
        self._with_open_room: set[Target] = set()

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def __len__(self) -> int:
        return len(self._targets)

    def __contains__(self, target: Target) -> bool:
        return self._targets.get(target.name) is target

    def get(self, name: str) -> Target | None:
        """The target of that name, if there is one."""
        return self._targets.get(name)

    @property
    def has_room(self) -> bool:
        """Some target would take a segment now."""
        return bool(self._with_room)

    @property
    def has_open_room(self) -> bool:
        """Some target would take a segment of bulk work now."""
        return bool(self._with_open_room)

    def add(self, target: Target) -> None:
        """Enter a target whose name is free."""
        self._targets[target.name] = target
        self._sides[target] = OpenSide(target, self._reserve)
        self.refresh(target)

    def remove(self, target: Target) -> None:
        """Strike a target out. O(number of targets)."""
        del self._targets[target.name]
        self._unname(target)
        self._policy.forget(target)
        self._bulk_policy.forget(self._sides.pop(target))
        for group in (self.ready, self._taking, self._with_room, self._with_open_room):
            group.discard(target)
        self._settle()

    def choose(self, work: Work, avoid: Collection[Target], *, only_elsewhere: bool) -> Target | None:
        """Find a target with room, as `Pool.claim` has it. O(log n)."""
        if not self._with_room:
            return None
        if work.home and (home := self._home(work, avoid)) is not None:
            return home
        if avoid and not only_elsewhere and len(self._taking) == sum(target in self._taking for target in avoid):
            avoid = ()
        if not work.is_bulk:
            return self._policy.choose(work, avoid)
        side = self._bulk_policy.choose(work, [self._sides[target] for target in avoid if target in self._sides])
        return None if side is None else side.target

    def _home(self, work: Work, avoid: Collection[Target]) -> Target | None:
        """Where a session's work is at home, if that is well and has room now: nobody waits for home."""
        home = self._targets.get(work.home) or self._only_one_called(work.home)
        if home is None or home in avoid or not home.is_ready:
            return None
        room = self._sides[home].free_slots if work.is_bulk else home.free_slots
        return home if room > 0 else None

    def _only_one_called(self, name: str) -> Target | None:
        """Where several call themselves alike, all their sessions would be sent to one of them: to nobody, then."""
        called = self._called.get(name, ())
        return next(iter(called)) if len(called) == 1 else None

    def know_name(self, target: Target, name: str) -> None:
        """Know what it calls itself, and its transcripts call it; an address in a fleet of others is no such name."""
        if target in self and target.calls_itself != name:
            self._unname(target)
            target.calls_itself = name
            self._called.setdefault(name, set()).add(target)

    def _unname(self, target: Target) -> None:
        namesakes = self._called.get(target.calls_itself, set())
        namesakes.discard(target)
        if not namesakes:
            self._called.pop(target.calls_itself, None)

    def refresh(self, target: Target) -> None:
        """Know of a change in a target's load, limit or slots. O(log n)."""
        if target in self:
            side = self._sides[target]
            (self._with_room.add if target.free_slots > 0 else self._with_room.discard)(target)
            (self._with_open_room.add if side.free_slots > 0 else self._with_open_room.discard)(target)
            self._policy.update(target)
            self._bulk_policy.update(side)

    def refresh_state(self, target: Target) -> None:
        """Know of a change in its state. O(number of targets) where it begins or ceases to take work."""
        if target in self:
            (self.ready.add if target.is_ready else self.ready.discard)(target)
            if target.takes_work != (target in self._taking):
                (self._taking.add if target.takes_work else self._taking.discard)(target)
                self._settle()
            self.refresh(target)

    def know_slow(self, slow: Mapping[Target, float]) -> None:
        """Know how many times slower these are: clips are slow there, however few, so no slots are kept for them."""
        before, self._slow = self._slow, slow
        for target in before.keys() | slow.keys():
            target.slowness = slow.get(target, 1.0)
            self.refresh(target)
        if before.keys() != slow.keys():
            self._settle()

    def _settle(self) -> None:
        taking = [target for target in self if target in self._taking]
        for target in self._reserve.settle(sorted(taking, key=lambda target: target in self._slow)):
            self.refresh(target)
