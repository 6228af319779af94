"""The runner: takes one accepted segment after another to its end, whatever goes wrong on the way.

It joins the waiting room (a slot), the line (an attempt), the pool (what its end says about the target) and the rules
for another try; it knows neither the queue's order nor how targets are looked at. Invariant: `run` returns one
transcript or raises one error, and whichever way it is left, every slot it had is back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harken.clock import Clock
from harken.config import LimitsConfig
from harken.dispatch.attempt import Outlet, Pending, attempt, attempt_time_s
from harken.dispatch.health import Succeeded, outcome_of
from harken.dispatch.pace import Pace
from harken.dispatch.pool import Pool
from harken.dispatch.state import State
from harken.dispatch.tally import is_turned_away, may_retry
from harken.dispatch.target import Claim, Target
from harken.dispatch.waiting import WaitingRoom
from harken.errors import HarkenError
from harken.log import get_log
from harken.types import Transcript
from harken.wire import Job

_log = get_log("dispatch.runner")


class Runner:
    """Runs segments on targets.

    Args:
        limits: of the tries and their time.
        waiting: gives slots.
        pool: hears how attempts end.
        pace: hears when something runs.
        clock: seconds, for deadlines.
        hurry: has a target looked at now.
    """

    def __init__(
        self,
        *,
        limits: LimitsConfig,
        waiting: WaitingRoom,
        pool: Pool,
        pace: Pace,
        clock: Clock,
        hurry: Callable[[Target], None],
    ) -> None:
        self._limits = limits
        self._waiting = waiting
        self._pool = pool
        self._pace = pace
        self._clock = clock
        self._hurry = hurry

    async def run(self, pending: Pending, job: Job, outlet: Outlet) -> Transcript:
        """Have a segment recognised, with as many tries as the rules allow.

        Raises:
            HarkenError: as `Dispatcher.recognize` has it.
        """
        while True:
            with await self._waiting.claim(pending) as claim:
                try:
                    return await self._attempt(claim, job, outlet)
                except HarkenError as error:
                    failure = error
                    # Before the slot is given back: what failed here must not attract the next segment.
                    self._count(pending, claim, error)
            if not may_retry(failure, pending.tally, attempts=self._limits.attempts, is_used=outlet.is_used):
                raise failure
            tally = pending.tally
            deaths = tally.lone_deaths + tally.shared_deaths
            told = {**ids(job), **what(failure), "tries": tally.tries, "deaths": deaths}
            _log.info("segment.retried", target=claim.target.name, **told)

    async def _attempt(self, claim: Claim, job: Job, outlet: Outlet) -> Transcript:
        recognized_s = 0.0
        self._pace.start(self._clock.now())
        try:
            audio_s = job.segment.audio_s
            timeout_s = attempt_time_s(audio_s, self._limits.segment_timeout_s)
            transcript = await attempt(claim, job, outlet, timeout_s)
            recognized_s = audio_s
        finally:
            self._pace.end(self._clock.now(), recognized_s)
        self._pool.report(claim.target, Succeeded())
        return transcript if transcript.instance else replace(transcript, instance=claim.target.name)

    def _count(self, pending: Pending, claim: Claim, error: HarkenError) -> None:
        target = claim.target
        outcome = outcome_of(error)
        if outcome is not None and target.state is not State.GONE:
            target.detail = error.message
            self._pool.report(target, outcome)
        if is_turned_away(error):
            return
        pending.tally = pending.tally.after(error, had_company=claim.had_company)
        pending.avoid.add(target)
        pending.deadline = self._clock.now() + self._limits.queue_timeout_s
        if target.state is State.SUSPECT:
            self._hurry(target)


def ids(job: Job) -> dict[str, str | int]:
    """A segment's ids, for log lines."""
    return {"request_id": job.segment.request_id, "segment": job.segment.index}


def what(error: HarkenError) -> dict[str, str]:
    """What went wrong, for log lines."""
    cause = {} if error.__cause__ is None else {"cause": repr(error.__cause__)}
    return {"code": error.code, "reason": error.message, **cause}
