"""Who is where in a roll: which instances of both models there are, which are ready, which are in service.

Plain bookkeeping by name; what to do with it `rollout` and `roll_back` decide. Only what is ready and in service
counts: a process that loads, an old instance that its supervisor just restarts, or a new one that still proves itself
serves nobody. The invariant: a name is of one model only, and at most one instance leaves at a time.
"""

from __future__ import annotations

from collections.abc import Collection


class Seats:
    """The instances of one roll.

    Args:
        old: names of those in service, in order.
        new: names of their successors, in order.
        down: of the old ones, those that are not ready.
        broken: of these, those that nobody waits for.

    Attributes:
        up: names of those that are ready.
        alive: of those that have a process, or will have one again without our doing.
        admitted: of those that get segments when they are ready.
        restored: of the old ones that were started again; each is tried once.
        given_up: of the old ones that nobody waits for any more.
        leaving: of the one that leaves now; "" for none.
    """

    def __init__(
        self, old: Collection[str], new: Collection[str], down: Collection[str] = (), broken: Collection[str] = ()
    ) -> None:
        self.old = tuple(old)
        self.new = tuple(new)
        self.up = set(old) - set(down)
        self.alive = set(old)
        self.admitted = set(old)
        self.restored: set[str] = set()
        self.given_up: set[str] = set(broken)
        self.leaving = ""
        self._removed: set[str] = set()

    @property
    def serving(self) -> int:
        """Instances that are ready and get segments, whatever their model."""
        return len((self.up & self.admitted) - {self.leaving})

    @property
    def processes(self) -> int:
        """Instances that take memory."""
        return len(self.alive)

    @property
    def old_left(self) -> tuple[str, ...]:
        """Old instances that were not removed, those first that are not ready: they are missed least."""
        left = (name for name in self.old if name not in self._removed)
        return tuple(sorted(left, key=lambda name: name in self.up))

    @property
    def old_up(self) -> int:
        """Old instances that are in service and ready."""
        return len(set(self.old) & self.up)

    @property
    def missing(self) -> tuple[str, ...]:
        """Old instances that are not there and could be started again."""
        return tuple(name for name in self.old if name not in self.alive | self.given_up)

    @property
    def awaited(self) -> tuple[str, ...]:
        """Old instances that are there, not ready, and may become so."""
        return tuple(name for name in self.old if name in self.alive - self.up - self.given_up)

    @property
    def new_serving(self) -> tuple[str, ...]:
        """New instances in service, the youngest first."""
        return tuple(name for name in reversed(self.new) if name in self.alive & self.up & self.admitted)

    @property
    def new_idle(self) -> tuple[str, ...]:
        """New instances that are there and serve nobody."""
        return tuple(name for name in reversed(self.new) if name in self.alive and name not in self.new_serving)

    def start(self, name: str) -> None:
        """One of the new model is started."""
        self.alive.add(name)

    def restore(self, name: str) -> None:
        """One of the old model is started again; it gets segments as soon as it is ready."""
        self.alive.add(name)
        self.admitted.add(name)
        self.restored.add(name)
        self._removed.discard(name)

    def leave(self, name: str) -> None:
        """It gets nothing more, finishes what it has and goes."""
        assert not self.leaving, f"{self.leaving} leaves already, so {name} has to wait"
        self.leaving = name

    def gone(self) -> None:
        """What was leaving has left."""
        for names in (self.alive, self.up, self.admitted):
            names.discard(self.leaving)
        self._removed.add(self.leaving)
        self.leaving = ""

    def rise(self, name: str) -> None:
        """It is ready. An old one that nobody waited for any more is welcome; a new one must have been started."""
        if name == self.leaving or name in self._removed or (name in self.new and name not in self.alive):
            return
        self.up.add(name)
        self.alive.add(name)

    def fall(self, name: str, *, for_good: bool = False) -> None:
        """It is not ready any more; `for_good`: and has no process, nor will it get one by itself.

        A new one that failed for good still has a place in the fleet, which somebody has to clear.
        """
        self.up.discard(name)
        if for_good and name in self.old and name != self.leaving:
            self.alive.discard(name)
            if name in self.restored:
                self.given_up.add(name)
