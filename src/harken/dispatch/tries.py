"""Single tries: make one, and let its end count.

How a try ended is news about its target (`Pool.report`), about the fleet's pace and about the segment (its tally, the
targets it avoids). It decides nothing about what comes next. Invariant: every try that begins ends in the counts, and a
target hears of its failure before the slot is given back, so that what failed there does not attract the next segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from harken.clock import Clock
from harken.config import LimitsConfig
from harken.dispatch.attempt import Pending, attempt, attempt_time_s
from harken.dispatch.lines.failures import Cut, Refused
from harken.dispatch.order.pace import Pace
from harken.dispatch.outlet import Outlet
from harken.dispatch.recognized import OnRecognized, Recognized
from harken.dispatch.recovery.tally import is_loss, is_turned_away
from harken.dispatch.stats import Stats
from harken.dispatch.targets.health import outcome_of
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Claim, Target
from harken.errors import HarkenError
from harken.events import CANCELLED, Stage, Tell
from harken.spans import beneath, span_of
from harken.types import Transcript
from harken.wire import Job


class Tries:
    """Makes tries on claimed targets.

    Args:
        limits: of their time.
        pool: hears how they end.
        pace: hears when one runs.
        clock: seconds, for deadlines.
        stats: counts.
        hurry: has a target looked at now.
        tell: takes each try that is over.

    Attributes:
        on_recognized: told of each recognised segment; None for nobody.
    """

    def __init__(
        self,
        *,
        limits: LimitsConfig,
        pool: Pool,
        pace: Pace,
        clock: Clock,
        stats: Stats,
        hurry: Callable[[Target], None],
        tell: Tell,
    ) -> None:
        self._tell = tell
        self._numbers = itertools.count()
        self._limits = limits
        self._pool = pool
        self._pace = pace
        self._clock = clock
        self._stats = stats
        self._hurry = hurry
        self.on_recognized: OnRecognized | None = None

    async def make(
        self, pending: Pending, claim: Claim, job: Job, outlet: Outlet, *, is_second: bool = False
    ) -> Transcript:
        """Have the claimed target recognise the segment, once; the caller holds the claim.

        Args:
            pending: whose tally and avoided targets an error changes.
            claim: of the slot.
            job: the segment.
            outlet: where its text goes.
            is_second: it runs beside another try, so a failure costs the segment no try of its own.

        Raises:
            HarkenError: as `attempt` has it.
        """
        try:
            transcript = await self._run(claim, job, outlet)
        except HarkenError as error:
            self._count(pending, claim, error, is_second=is_second)
            raise
        success = claim.success()
        self._pool.report(claim.target, success)
        name = claim.target.name
        if not transcript.instance:
            transcript = replace(transcript, instance=name)
        if self.on_recognized is not None:
            self.on_recognized(Recognized(target=name, job=job, transcript=transcript, took_s=success.took_s))
        return transcript

    async def _run(self, claim: Claim, job: Job, outlet: Outlet) -> Transcript:
        segment = beneath(job.segment, f"try {next(self._numbers)}")
        job = job if segment is job.segment else replace(job, segment=segment)
        trace, name = segment.requester.trace, claim.target.name
        with span_of(segment, Stage.TRY, self._tell, self._clock, trace=trace, target=name) as outcome:
            try:
                return await self._recognize(claim, job, outlet)
            except Cut:
                # Whoever watches the target's failures must not take a second try that was sooner for one.
                outcome.if_failed = CANCELLED if claim.is_beaten else ""
                raise

    async def _recognize(self, claim: Claim, job: Job, outlet: Outlet) -> Transcript:
        audio_s, deadline = job.segment.audio_s, job.segment.requester.ends_at
        recognized_s, now = 0.0, self._clock.now()
        self._stats.tries += 1
        self._pace.start(now)
        try:
            limit_s = attempt_time_s(audio_s, self._limits.segment_timeout_s)
            left_s = None if deadline is None else deadline - now
            transcript = await attempt(claim, job, partial(outlet.say, claim), limit_s, left_s)
            recognized_s = audio_s
        finally:
            self._pace.end(self._clock.now(), recognized_s)
        return transcript

    def _count(self, pending: Pending, claim: Claim, error: HarkenError, *, is_second: bool) -> None:
        target = claim.target
        outcome = outcome_of(error)
        if outcome is not None and target.state is not State.GONE:
            target.detail = error.message
            self._pool.report(target, outcome)
        if isinstance(error, Refused):
            target.last_refusal = self._clock.now()
            self._hurry(target)
        if is_turned_away(error):
            self._stats.turned_away += 1
            return
        self._stats.hedges_failed += is_second
        # A segment on which instances die must be known as such, whichever of its tries they die under. What its owner
        # has emptied did not die of it.
        if not is_second or is_loss(error):
            had_company = claim.had_company or target.state is State.DRAINING
            pending.tally = pending.tally.after(error, had_company=had_company)
        pending.avoid.add(target)
        pending.deadline = self._clock.now() + self._limits.queue_timeout_s
        if target.state is State.SUSPECT:
            self._hurry(target)
