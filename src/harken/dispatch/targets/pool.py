"""All targets by name: the only place where one is chosen, and where news changes what may be chosen.

It knows neither the queue nor HTTP, and which target is best is the policy's to say. Whoever owns the instances (a
supervisor) is told by `on_unresponsive` when one is silent, or fails its canary. Invariant: choosing and claiming are
one call with no await in it, so two segments never get the same slot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from harken.clock import Clock
from harken.dispatch.lines.line import Line
from harken.dispatch.targets.candidate import NO_WORK, Work
from harken.dispatch.targets.choice import Auto, Policy
from harken.dispatch.targets.health import Answered, Failed, Outcome, Succeeded, TurnedAway, Worse, judge
from harken.dispatch.targets.outliers import outliers, slow_ones
from harken.dispatch.targets.reserve import OpenSide
from harken.dispatch.targets.roster import Roster
from harken.dispatch.targets.state import Event, State
from harken.dispatch.targets.target import Claim, Target
from harken.dispatch.targets.vitals import Patience
from harken.log import get_log
from harken.types import Wish

_log = get_log("dispatch.pool")

_REVIEW_S = 1.0
"""How often targets are compared with each other, at most."""

OnUnresponsive = Callable[[str, str], None]
"""Called when a target has just become unresponsive, or has failed its canary, with its name and with what it did, as a
sentence without its full stop. It must not block."""


class Pool:
    """The targets of one dispatcher.

    Args:
        patience: when it ends with a target.
        clock: seconds, for rests and times of success.
        on_change: called after a state changed or a slot was given back.
        policy: which target gets a segment; None for `Auto`. It belongs to this pool alone.
        bulk_policy: the same for bulk work, which sees only what is not in reserve.

    Attributes:
        ejections: how often a target was set aside, since the start.
    """

    def __init__(
        self,
        patience: Patience,
        *,
        clock: Clock,
        on_change: Callable[[], None],
        policy: Policy[Target] | None = None,
        bulk_policy: Policy[OpenSide] | None = None,
    ) -> None:
        self.on_unresponsive: OnUnresponsive | None = None
        self.ejections = 0
        self._patience = patience
        self._clock = clock
        self._on_change = on_change
        self._roster = Roster(Auto() if policy is None else policy, Auto() if bulk_policy is None else bulk_policy)
        self._turn = 0
        self._in_flight = 0
        self._review_at = float("-inf")

    def __iter__(self) -> Iterator[Target]:
        return iter(self._roster)

    def get(self, name: str) -> Target | None:
        """The target of that name, if there is one."""
        return self._roster.get(name)

    @property
    def in_flight(self) -> int:
        """Segments on all targets."""
        return self._in_flight

    @property
    def has_free_slot(self) -> bool:
        """Some ready target would take a segment now."""
        return self._roster.has_room

    @property
    def has_open_slot(self) -> bool:
        """Some ready target would take a segment of bulk work now."""
        return self._roster.has_open_room

    @property
    def ready(self) -> int:
        """How many targets are ready."""
        return len(self._roster.ready)

    def lacking(self, wish: Wish) -> set[Target]:
        """Those whose model cannot fulfil it, as far as they told. O(number of targets)."""
        return {target for target in self._roster if target.model is not None and wish in target.model.lacks}

    def closed_for_s(self, now: float) -> float:
        """For how many seconds no target will take anything, as all of them said themselves; 0 while one may."""
        if not len(self._roster) or any(target.state is not State.FULL for target in self._roster):
            return 0.0
        return max(0.0, min(target.full_until for target in self._roster) - now)

    def add(self, name: str, url: str, line: Line | None = None, *, weight: float = 1.0) -> Target:
        """Take in a target; it starts as not ready. One of the same name is taken away first."""
        self.remove(name)
        target = Target(name, url, line, weight=weight, clock=self._clock)
        self._roster.add(target)
        _log.info("target.added", target=name, url=url)
        return target

    def remove(self, name: str) -> None:
        """Take a target away; its attempts end now and go elsewhere. An unknown name is no error."""
        target = self._roster.get(name)
        if target is not None:
            _log.info("target.removed", target=name, in_flight=target.in_flight)
            self._in_flight -= target.in_flight
            self._roster.remove(target)
            self._happen(target, Event.REMOVE)

    def drain(self, name: str) -> None:
        """Give a target nothing more; what it has may finish."""
        target = self._roster.get(name)
        if target is not None:
            self._happen(target, Event.DRAIN)

    def know_name(self, target: Target, name: str) -> None:
        """Know what a target calls itself, as it told; `Work.home` may be that."""
        self._roster.know_name(target, name)

    def renew(self, target: Target) -> None:
        """Forget what was known of a target's old process; the new one's first answered look follows."""
        _log.info("target.renewed", target=target.name)
        target.renew()
        self._roster.refresh(target)

    def claim(
        self, avoid: Collection[Target] = (), work: Work = NO_WORK, *, only_elsewhere: bool = False
    ) -> Claim | None:
        """Choose a target and occupy one of its slots, in one breath.

        Args:
            avoid: those where this segment failed before; they are considered only while no other is ready.
            work: what the policy may know of the segment.
            only_elsewhere: those to avoid are not considered at all.

        Returns:
            None when there is no free slot for it now.
        """
        target = self._roster.choose(work, avoid, only_elsewhere=only_elsewhere)
        if target is None:
            return None
        self._turn += 1
        target.turn = self._turn
        claim = target.claim(lambda: self._released(target), work)
        self._in_flight += 1
        self._roster.refresh(target)
        return claim

    def report(self, target: Target, outcome: Outcome) -> None:
        """Let news about a target count."""
        now, limit = self._clock.now(), target.limit
        room = target.free_slots if isinstance(outcome, Answered) else 0
        if target.crowd != target.line.crowd:
            target.meet(target.line.crowd)
        if isinstance(outcome, Succeeded):
            target.successes += 1
            target.last_success = now
            target.learn(outcome, now)
        elif isinstance(outcome, Failed):
            target.failures += 1
            target.record.failed(now=now)
        elif isinstance(outcome, TurnedAway) and outcome.event is Event.SAID_FULL:
            target.capacity.refused(target.load)
        elif isinstance(outcome, Answered):
            outcome = self._weigh_lag(target, outcome)
        verdict = judge(target.vitals, outcome, self._patience, now)
        target.vitals = verdict.vitals
        # A look may have brought another model with it.
        if target.limit != limit or isinstance(outcome, Answered):
            self._roster.refresh(target)
        if verdict.event is not None:
            self._happen(target, verdict.event)
        if verdict.is_hopeless and target in self._roster:
            _log.warning("target.hopeless", target=target.name, detail=target.detail, rests=target.vitals.rests)
            self._tell_owner(target, f"It failed its canary ({target.detail.rstrip('.')})")
        if now >= self._review_at and isinstance(outcome, Succeeded | Failed):
            self._review_at = now + _REVIEW_S
            self._review(now)
        # What others left may be what somebody here waits for.
        if isinstance(outcome, Answered) and target.free_slots > room:
            self._on_change()

    def _weigh_lag(self, target: Target, answer: Answered) -> Answered:
        """An event loop that is late sets a target aside only where that can be spared: when all are late, all work."""
        if answer.loop_lag_s < self._patience.loop_lag_s:
            return answer
        if not self._spare(candidate=target):
            return replace(answer, loop_lag_s=0.0)
        target.detail = f"Its event loop was {answer.loop_lag_s:.1f} s late."
        return answer

    def _review(self, now: float) -> None:
        """Compare the targets; set those aside that are much worse than the others, as far as they can be spared."""
        standings = [(target, target.record.standing(now, weight=target.weight)) for target in self._roster.ready]
        self._roster.know_slow(slow_ones(standings))
        for outlier in outliers(standings)[: self._spare()]:
            outlier.target.detail = outlier.reason
            self.report(outlier.target, Worse(reason=outlier.reason))

    def _spare(self, *, candidate: Target | None = None) -> int:
        """How many targets may be set aside for being worse than the others, the candidate among them."""
        away = len(self._roster) - len(self._roster.ready)
        if candidate is not None and candidate not in self._roster.ready:
            away -= 1
        return self._patience.spare(len(self._roster), away)

    def _released(self, target: Target) -> None:
        if target in self._roster:
            self._in_flight -= 1
            self._roster.refresh(target)
        self._on_change()

    def _happen(self, target: Target, event: Event) -> None:
        before = target.state
        has_changed = target.apply(event)
        if before in _AWAY and target.takes_work:
            target.begin_again()
        self._roster.refresh_state(target)
        if event is Event.LOST or event is Event.REMOVE:
            target.cut(f"Instance {target.name} {_CUT[event]}.")
        if not has_changed:
            return
        self.ejections += target.state is State.RESTING
        if target.state in _LOGGED:
            log = _log.info if target.state is State.READY else _log.warning
            log(f"target.{target.state}", target=target.name, detail=target.detail, in_flight=target.in_flight)
        self._on_change()
        if target.state is State.UNRESPONSIVE:
            self._tell_owner(target, "It no longer answered")

    def _tell_owner(self, target: Target, why: str) -> None:
        if self.on_unresponsive is not None:
            self.on_unresponsive(target.name, why)


_CUT = {Event.LOST: "stopped answering", Event.REMOVE: "was taken out of service"}

_AWAY = frozenset({State.STARTING, State.RESTING, State.UNRESPONSIVE, State.LEAVING})
"""Who comes back from these begins slowly."""

_LOGGED = frozenset(State) - {State.STARTING, State.GONE}
"""States that are logged when entered; being added and removed have their own events."""
