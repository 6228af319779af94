"""The hedger: second tries for clips that are late.

It holds what `hedge` decides with (how long segments took lately, what may be spent) and gets the slots; what a try is,
it does not know. Invariant: a slot is claimed in the same breath in which the decision for it is made and paid.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harken.clock import Clock
from harken.dispatch.attempt import Pending
from harken.dispatch.outlet import Outlet
from harken.dispatch.recovery.budget import Budget
from harken.dispatch.recovery.hedge import FAR, KEPT, Hedge, HedgeRule, may_hedge
from harken.dispatch.recovery.quantile import ServiceTimes
from harken.dispatch.recovery.rival import Rival
from harken.dispatch.stats import Stats
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Claim
from harken.log import get_log
from harken.trace import log_fields_of
from harken.types import Segment, Transcript

_log = get_log("dispatch.hedger")

_DOUBTFUL = frozenset({State.SUSPECT, State.RESTING, State.UNRESPONSIVE})


class Hedger:
    """Prepares second tries.

    Args:
        share: second tries per success; 0 for none.
        rule: which segments are late.
        pool: gives slots; those that are free there are idle, since who waits is handed them at once.
        clock: seconds.
        stats: counts.
    """

    def __init__(self, *, share: float, rule: HedgeRule, pool: Pool, clock: Clock, stats: Stats) -> None:
        self._is_on = share > 0
        self._budget = Budget(share=share, floor=0)
        self._rule = rule
        self._times = ServiceTimes()
        self._pool = pool
        self._clock = clock
        self._stats = stats

    def recognized(self, audio_s: float, took_s: float) -> None:
        """A segment was recognised.

        Args:
            audio_s: its length in seconds.
            took_s: from the beginning of its last first try, in seconds. Where a second was sooner, nobody knows what
                the first would have taken, but it is more than that; left out, the usual would become ever shorter.
        """
        self._times.add(audio_s, took_s)
        self._budget.earn(self._clock.now())

    def rival(
        self,
        pending: Pending,
        segment: Segment,
        first: Claim,
        outlet: Outlet,
        attempt: Callable[[Claim], Awaitable[Transcript]],
    ) -> Rival | None:
        """Prepare a second try beside the first, which begins now; None for a segment that never gets one."""
        after_s = self._rule.after_s(segment, self._times) if self._is_on else None
        if after_s is None:
            return None

        far_from = self._clock.now() + FAR * after_s

        def enter() -> Claim | None:
            claim = self._enter(pending, first, outlet, far_from)
            if claim is not None:
                ids: dict[str, str | int] = {"request_id": segment.request_id, "segment": segment.index}
                ids |= log_fields_of(segment.requester.trace)
                _log.info("segment.hedged", **ids, target=claim.target.name, first=first.target.name)
            return claim

        rival = Rival(first=first, after_s=after_s, enter=enter, attempt=attempt)
        outlet.on_first = rival.on_first_text
        return rival

    def _enter(self, pending: Pending, first: Claim, outlet: Outlet, far_from: float) -> Claim | None:
        verdict = may_hedge(is_told=outlet.is_used, is_doubtful=first.target.state in _DOUBTFUL)
        now = self._clock.now()
        kept = 0.0 if now >= far_from else KEPT * self._budget.income(now)
        if verdict is Hedge.NO or (verdict is Hedge.PAID and self._budget.left(now) < 1.0 + kept):
            return None
        avoid = pending.avoid | {first.target}
        work = pending.work(is_bulk=False)
        claim = self._pool.claim(avoid, work, only_elsewhere=True)
        if claim is not None:
            self._stats.hedges += 1
            if verdict is Hedge.PAID:
                self._budget.spend(now)
        return claim
