"""One segment's way through the dispatcher: its ticket and its single attempts.

It knows one claim at a time and nothing of the queue's order or of health; whether there is another attempt is decided
in `tally`. Invariant: an attempt ends by its result, by its time, by a cut, or by its caller leaving, never silently.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from harken.dispatch.desk import Guest
from harken.dispatch.lines.failures import Cut
from harken.dispatch.recovery.tally import Tally
from harken.dispatch.targets.target import Claim, Target
from harken.errors import DeadlineExceeded, HarkenError, InstanceFailed, TimedOut, UnsupportedOption
from harken.log import get_log
from harken.trace import log_fields_of
from harken.types import Send, Transcript, Wish
from harken.wire import Job

_log = get_log("dispatch.attempt")


@dataclass(kw_only=True, slots=True, eq=False)
class Pending(Guest):
    """An accepted segment that has not ended.

    Attributes:
        tally: what has gone wrong so far.
        handed: gets the claim while it waits in the queue.
    """

    tally: Tally = field(default_factory=Tally)
    handed: asyncio.Future[Claim] | None = None

    @property
    def is_waiting(self) -> bool:
        """Somebody still wants the claim (its caller may have left in this very moment)."""
        return self.handed is not None and not self.handed.done()

    def hand(self, claim: Claim) -> None:
        """Give it its slot."""
        assert self.handed is not None, "only a waiting segment is handed a claim"
        self.handed.set_result(claim)

    def refuse(self, error: HarkenError) -> None:
        """End its waiting with an error."""
        if self.handed is not None and not self.handed.done():
            self.handed.set_exception(error)

    def take_back(self) -> None:
        """Give the slot back that was handed over in the moment in which the caller left, if there is one."""
        handed = self.handed
        if handed is not None and handed.done() and not handed.cancelled() and handed.exception() is None:
            handed.result().release()


class NoPrefixThere(UnsupportedOption):
    """This target's model cannot go on behind a text; another's may."""

    retryable = True
    default = "No instance here can go on behind a text: leave the prefix out."


def attempt_time_s(audio_s: float, limit_s: float) -> float:
    """How long one attempt may take: a minute and eight times the audio, so a full segment of 30 s has five minutes.

    A short segment on an instance that hangs is not worth the whole limit; the minute is for the steps of others, which
    it shares.
    """
    return min(limit_s, 60.0 + 8.0 * audio_s)


async def attempt(claim: Claim, job: Job, send: Send, limit_s: float, left_s: float | None = None) -> Transcript:
    """Have the claimed target recognise the segment, once.

    Args:
        claim: of the slot; whoever calls holds it.
        job: the segment.
        send: gets the text as it comes.
        limit_s: how long it may take.
        left_s: seconds until the client's own deadline, where it has one.

    Raises:
        Cut: the target was given up meanwhile.
        InstanceFailed: the line met something that it has no error for.
        TimedOut: it took longer than `limit_s`.
        DeadlineExceeded: the client's deadline came before that; no fault of the target's.
        NoPrefixThere: the text has a beginning that the target's model could not be told, or would pass over.
        HarkenError: as `Line.recognize` has it.
    """
    loop = asyncio.get_running_loop()
    scope = asyncio.timeout(limit_s if left_s is None else min(limit_s, left_s))

    def stop() -> None:
        if not scope.expired():
            scope.reschedule(loop.time())

    try:
        async with scope:
            claim.on_cut(stop)
            try:
                return await _recognize(claim.target, job, send)
            finally:
                claim.on_cut(None)
    except TimeoutError as error:
        if not scope.expired():
            raise
        if claim.cut_reason:
            raise Cut(claim.cut_reason) from error
        if left_s is not None and left_s <= limit_s:
            raise DeadlineExceeded from error
        raise TimedOut(f"Instance {claim.target.name} worked on it for longer than {limit_s:g} s.") from error


async def _recognize(target: Target, job: Job, send: Send) -> Transcript:
    """Ask the line. A defect of its own is a failure of this one target: another may well do it."""
    if job.options.prefix and target.model is not None and Wish.PREFIX in target.model.lacks:
        raise NoPrefixThere
    ours: Exception | None = None

    def tell(text: str) -> None:
        nonlocal ours
        try:
            send(text)
        except Exception as error:
            ours = error
            raise

    try:
        return await target.line.recognize(job, tell)
    except (HarkenError, TimeoutError):
        raise
    except Exception as error:
        if error is ours:
            raise
        traced = log_fields_of(job.segment.requester.trace)
        _log.exception("line.defect", target=target.name, request_id=job.segment.request_id, **traced)
        raise InstanceFailed(f"Instance {target.name} answered something that cannot be understood.") from error
