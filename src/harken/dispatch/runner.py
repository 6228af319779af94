"""The runner: takes one accepted segment after another to its end, whatever goes wrong on the way.

It joins the waiting room (a slot), the tries, the rules for another one, the purse that pays for it, and the hedger's
second try beside the first; it knows neither the queue's order nor what an error says about a target. Invariant: each
segment ends once, by a transcript, one error or its caller's leaving, and then every slot it had is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from harken.clock import Clock
from harken.config import DispatchConfig, LimitsConfig
from harken.dispatch.attempt import Pending
from harken.dispatch.news import News
from harken.dispatch.order.beginnings import Beginnings
from harken.dispatch.order.pace import Pace
from harken.dispatch.outlet import Outlet
from harken.dispatch.recognized import OnRecognized
from harken.dispatch.recovery.budget import Budget
from harken.dispatch.recovery.hedge import HedgeRule
from harken.dispatch.recovery.hedger import Hedger
from harken.dispatch.recovery.purse import Purse
from harken.dispatch.recovery.rival import Rival
from harken.dispatch.recovery.tally import is_charged, is_loss, may_retry
from harken.dispatch.stats import Stats
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Claim, Target
from harken.dispatch.tries import Tries
from harken.dispatch.waiting import WaitingRoom
from harken.errors import ClientError, DeadlineExceeded, HarkenError, QueueFull
from harken.events import Stage, Tell, nobody
from harken.log import get_log
from harken.spans import beneath, span_of
from harken.trace import log_fields_of
from harken.types import Options, Segment, Send, Transcript, Wish
from harken.wire import Job

_log = get_log("dispatch.runner")


_RETRY_FLOOR = 10
"""Further tries per ten seconds that no success has to pay for: a quiet server may fail a few times in a row."""

_PAID_WITHIN_S = 30.0
"""How long a failed segment waits for a further try. What three of the budget's windows do not pay for is more than
it ever pays: then the client is told of the failure, rather than minutes later."""


class Runner:
    """Runs segments on targets.

    Args:
        limits: of tries and time.
        dispatch: shares of further and of second tries.
        rule: which segments are late, and get a second one.
        waiting: gives slots.
        pool: hears how tries end, and gives the slots of second ones.
        pace: hears when something runs.
        clock: seconds.
        stats: counts.
        news: told of each end.
        hurry: has a target looked at now.
        tell: takes each wait and each try that is over.
    """

    def __init__(
        self,
        *,
        limits: LimitsConfig,
        dispatch: DispatchConfig,
        rule: HedgeRule,
        waiting: WaitingRoom,
        pool: Pool,
        pace: Pace,
        clock: Clock,
        stats: Stats,
        news: News,
        hurry: Callable[[Target], None],
        tell: Tell = nobody,
    ) -> None:
        self._tell = tell
        self._limits = limits
        self._waiting = waiting
        self._clock = clock
        self._stats = stats
        self._news = news
        self._tries = Tries(limits=limits, pool=pool, pace=pace, clock=clock, stats=stats, hurry=hurry, tell=tell)
        self._hedger = Hedger(share=dispatch.hedge_share, rule=rule, pool=pool, clock=clock, stats=stats)
        self._pool = pool
        budget = Budget(share=dispatch.retry_share, floor=_RETRY_FLOOR)
        self._purse = Purse(budget=budget, room=waiting.room, enter=self._enter_elsewhere, clock=clock, stats=stats)
        self._beginnings = Beginnings()
        self._open: set[Pending] = set()

    @property
    def open(self) -> int:
        """Segments that have not ended."""
        return len(self._open)

    def listen(self, on_recognized: OnRecognized | None) -> None:
        """Have somebody told of each recognised segment from now on; None: nobody."""
        self._tries.on_recognized = on_recognized

    def close(self) -> None:
        """Send those away that wait until a further try can be paid for, and pay for no more."""
        self._purse.close()

    async def recognize(self, segment: Segment, options: Options, send: Send | None) -> Transcript:
        """Have a segment recognised, with as many tries as the rules allow.

        Raises:
            HarkenError: as `Dispatcher.recognize` has it.
        """
        now = self._clock.now()
        pending = Pending(
            audio_s=segment.audio_s,
            recording_s=segment.recording_s,
            requester=segment.requester,
            arrival=now,
            began=self._beginnings.of(segment.request_id, now),
            deadline=now + self._limits.queue_timeout_s,
            # A recording is accepted with its first segment. Refused in its middle, all work on it would be lost.
            is_accepted=segment.index > 0,
            home=segment.home,
            avoid=self._pool.lacking(Wish.PREFIX) if options.prefix else set(),
        )
        job = Job(segment=segment, options=options, wants_deltas=send is not None)
        self._open.add(pending)
        self._stats.segments += 1
        try:
            transcript = await self._run(pending, job, Outlet(send))
        except HarkenError as error:
            self._stats.failed[error.code] += 1
            log = _log.info if isinstance(error, ClientError | QueueFull) else _log.warning
            log("segment.failed", **_ids(job), **_what(error), tries=pending.tally.tries)
            raise
        except asyncio.CancelledError:
            self._stats.abandoned += 1
            raise
        finally:
            self._open.discard(pending)
            self._news.spread()
        self._stats.recognized += 1
        self._stats.audio_s += segment.audio_s
        return transcript

    async def _run(self, pending: Pending, job: Job, outlet: Outlet) -> Transcript:
        idle: Claim | None = None
        while True:
            with idle or await self._slot(pending, job.segment) as claim:
                try:
                    return await self._round(pending, claim, job, outlet)
                except HarkenError as error:
                    failure = error
            if not may_retry(failure, pending.tally, attempts=self._limits.attempts, is_used=outlet.is_used):
                raise failure
            idle = await self._pay(pending, failure)
            tally = pending.tally
            deaths = tally.lone_deaths + tally.shared_deaths
            told = {**_ids(job), **_what(failure), "tries": tally.tries, "deaths": deaths}
            _log.info("segment.retried", target=claim.target.name, **told)

    async def _slot(self, pending: Pending, segment: Segment) -> Claim:
        trace = beneath(segment, f"queue {self._clock.now()}").requester.trace
        with span_of(segment, Stage.QUEUE, self._tell, self._clock, trace=trace):
            return await self._waiting.claim(pending)

    async def _pay(self, pending: Pending, failure: HarkenError) -> Claim | None:
        """Get a further try: an idle slot elsewhere, or None where it is paid for, and waits its turn."""
        if not is_charged(failure):
            self._stats.replays += is_loss(failure)
            return None
        self._stats.retries += 1
        pending.deadline = self._clock.now() + min(_PAID_WITHIN_S, self._limits.queue_timeout_s)
        try:
            return await self._purse.pay(pending)
        except TimeoutError:
            self._stats.unpaid += 1
            raise (DeadlineExceeded() if pending.is_too_late(self._clock.now()) else failure) from None
        finally:
            pending.deadline = self._clock.now() + self._limits.queue_timeout_s

    def _enter_elsewhere(self, pending: Pending) -> Claim | None:
        """Take a slot where the segment has not failed, if one is idle: what waits is handed free slots at once."""
        return self._pool.claim(pending.avoid, pending.work(is_bulk=pending.lane.is_bulk), only_elsewhere=True)

    async def _round(self, pending: Pending, claim: Claim, job: Job, outlet: Outlet) -> Transcript:
        """One try, or two at once."""
        began = self._clock.now()
        second = partial(self._tries.make, pending, job=job, outlet=outlet, is_second=True)
        rival = self._hedger.rival(pending, job.segment, claim, outlet, second)
        if rival is None:
            transcript = await self._tries.make(pending, claim, job, outlet)
        else:
            async with rival:
                transcript = await self._beside(rival, pending, claim, job, outlet)
        self._hedger.recognized(pending.audio_s, self._clock.now() - began)
        self._purse.earn()
        return transcript

    async def _beside(self, rival: Rival, pending: Pending, claim: Claim, job: Job, outlet: Outlet) -> Transcript:
        """Make the first try; where it fails or is beaten, what becomes of the second decides."""
        try:
            return await self._tries.make(pending, claim, job, outlet)
        except HarkenError as error:
            # Not only after the second try: others may use it.
            claim.release()
            if not error.retryable:
                raise
            transcript = await rival.result()
            if transcript is not None:
                self._stats.hedges_won += 1
                return transcript
            # The client heard the second try, and then it failed: the first was only cut for its sake.
            if rival.has_won and rival.error is not None:
                raise rival.error from error
            raise


def _ids(job: Job) -> dict[str, str | int]:
    segment = job.segment
    return {"request_id": segment.request_id, "segment": segment.index, **log_fields_of(segment.requester.trace)}


def _what(error: HarkenError) -> dict[str, str]:
    cause = {} if error.__cause__ is None else {"cause": repr(error.__cause__)}
    return {"code": error.code, "reason": error.message, **cause}
