"""All targets by name: the only place where one is chosen, and where news changes what may be chosen.

It knows neither the queue nor HTTP. Choosing and claiming are one call with no await in it, so two segments never get
the same slot. Whoever owns the instances (a supervisor) is told by `on_unresponsive` when one is silent, or fails all
it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from harken.clock import Clock
from harken.dispatch.choice import choose
from harken.dispatch.health import Failed, Outcome, Policy, Succeeded, judge
from harken.dispatch.line import Line
from harken.dispatch.state import Event, State
from harken.dispatch.target import Claim, Target
from harken.log import get_log

_log = get_log("dispatch.pool")

_FADE_TURNS = 64
"""After so many choices the counts of recent segments are halved."""

OnUnresponsive = Callable[[str], None]
"""Called with a target's name when it has just become unresponsive, or fails all its segments. It must not block."""


class Pool:
    """The targets of one dispatcher.

    Args:
        policy: when patience with a target ends.
        clock: seconds, for rests and times of success.
        on_change: called after a state changed or a slot was given back.
    """

    def __init__(self, *, policy: Policy, clock: Clock, on_change: Callable[[], None]) -> None:
        self.on_unresponsive: OnUnresponsive | None = None
        self._policy = policy
        self._clock = clock
        self._on_change = on_change
        self._targets: dict[str, Target] = {}
        self._turn = 0

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def get(self, name: str) -> Target | None:
        """The target of that name, if there is one."""
        return self._targets.get(name)

    @property
    def in_flight(self) -> int:
        """Segments on all targets."""
        return sum(target.in_flight for target in self)

    @property
    def has_free_slot(self) -> bool:
        """Some ready target would take a segment now."""
        return any(target.free_slots for target in self)

    @property
    def ready(self) -> int:
        """How many targets are ready."""
        return sum(target.is_ready for target in self)

    def add(self, name: str, url: str, line: Line | None = None, *, weight: float = 1.0) -> Target:
        """Take in a target; it starts as not ready. One of the same name is taken away first."""
        self.remove(name)
        target = self._targets[name] = Target(name, url, line, weight=weight)
        _log.info("target.added", target=name, url=url)
        return target

    def remove(self, name: str) -> None:
        """Take a target away; its attempts end now and go elsewhere. An unknown name is no error."""
        target = self._targets.pop(name, None)
        if target is not None:
            _log.info("target.removed", target=name, in_flight=target.in_flight)
            self._happen(target, Event.REMOVE)

    def drain(self, name: str) -> None:
        """Give a target nothing more; what it has may finish."""
        target = self._targets.get(name)
        if target is not None:
            self._happen(target, Event.DRAIN)

    def claim(self, avoid: Collection[Target]) -> Claim | None:
        """Choose a target and occupy one of its slots, in one breath.

        Args:
            avoid: those where this segment failed before; they are considered only while no other is ready.

        Returns:
            None when there is no free slot for it now.
        """
        others = [target for target in self if target not in avoid]
        target = choose(others if any(other.takes_work for other in others) else self)
        if target is None:
            return None
        self._turn += 1
        if self._turn % _FADE_TURNS == 0:
            for each in self:
                each.recent //= 2
        target.turn = self._turn
        target.recent += 1
        return target.claim(self._on_change)

    def report(self, target: Target, outcome: Outcome) -> None:
        """Let news about a target count."""
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            target.successes += 1
            target.last_success = now
        elif isinstance(outcome, Failed):
            target.failures += 1
        verdict = judge(target.vitals, outcome, self._policy, now)
        target.vitals = verdict.vitals
        if verdict.event is not None:
            self._happen(target, verdict.event)
        if verdict.is_hopeless and self._targets.get(target.name) is target:
            _log.warning("target.hopeless", target=target.name, detail=target.detail, rests=target.vitals.rests)
            self._tell_owner(target)

    def _happen(self, target: Target, event: Event) -> None:
        has_changed = target.apply(event)
        if event is Event.LOST or event is Event.REMOVE:
            target.cut(f"Instance {target.name} {_CUT[event]}.")
        if not has_changed:
            return
        if target.state in _LOGGED:
            log = _log.info if target.state is State.READY else _log.warning
            log(f"target.{target.state}", target=target.name, detail=target.detail, in_flight=target.in_flight)
        self._on_change()
        if target.state is State.UNRESPONSIVE:
            self._tell_owner(target)

    def _tell_owner(self, target: Target) -> None:
        if self.on_unresponsive is not None:
            self.on_unresponsive(target.name)


_CUT = {Event.LOST: "stopped answering", Event.REMOVE: "was taken out of service"}

_LOGGED = frozenset(State) - {State.STARTING, State.GONE}
"""States that are logged when entered; being added and removed have their own events."""
