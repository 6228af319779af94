"""The waiting room: a segment goes in, a claim comes out.

It joins the queue (who is next) and the pool (which slot is free), and refuses to know what is done with a claim.
Invariant: a claim that is handed over always has a holder; one whose caller left in that moment is given back here.
"""

from __future__ import annotations

import asyncio

from harken.clock import Clock
from harken.config import LimitsConfig
from harken.dispatch.attempt import Pending
from harken.dispatch.pace import Pace
from harken.dispatch.pool import Pool
from harken.dispatch.queue import Queue
from harken.dispatch.target import Claim
from harken.errors import Draining, HarkenError, NoReadyInstance, QueueFull, TimedOut

NOT_READY_RETRY_AFTER_S = 5
_TICK_S = 0.1


class WaitingRoom:
    """Segments between their acceptance and their slot.

    Args:
        limits: how much may wait, and how long.
        pool: the targets.
        pace: for the Retry-After of refusals.
        clock: seconds, for deadlines.
    """

    def __init__(self, *, limits: LimitsConfig, pool: Pool, pace: Pace, clock: Clock) -> None:
        self._limits = limits
        self._pool = pool
        self._pace = pace
        self._clock = clock
        self._queue: Queue[Pending] = Queue(limits.queue_audio_s)
        self._is_closed = False

    @property
    def audio_s(self) -> float:
        """Seconds of audio that wait."""
        return self._queue.audio_s

    async def run(self) -> None:
        """Send those away whose time is over, until cancelled."""
        while True:
            for pending in self._queue.expire(self._clock.now()):
                pending.refuse(self._overdue())
            await asyncio.sleep(_TICK_S)

    def close(self) -> None:
        """Send everybody away and let nobody in."""
        self._is_closed = True
        while (pending := self._queue.pop()) is not None:
            pending.refuse(Draining())

    async def claim(self, pending: Pending) -> Claim:
        """Get a slot, at once or after waiting; the caller holds the claim in a `with`, with no await in between.

        Raises:
            QueueFull: it is new, and too much waits already.
            NoReadyInstance: its deadline came, and no target was ready.
            TimedOut: its deadline came.
            Draining: the room is closed.
        """
        if self._is_closed:
            raise Draining
        # Turned away again and again by full instances, it may never be in the queue when that is gone through.
        if pending.is_accepted and pending.deadline <= self._clock.now():
            raise self._overdue()
        claim = self._claim_now(pending)
        if claim is None:
            self._enqueue(pending)
            claim = await self._wait(pending)
        pending.is_accepted = True
        return claim

    def assign(self) -> None:
        """Hand free slots to those who wait, in their order. One that avoids all free targets lets others pass."""
        passed: list[Pending] = []
        while self._pool.has_free_slot and (pending := self._queue.pop()) is not None:
            if not pending.is_waiting:
                continue
            claim = self._pool.claim(pending.avoid)
            if claim is None:
                passed.append(pending)
            else:
                pending.hand(claim)
        for pending in passed:
            self._queue.put_back(pending)

    def _claim_now(self, pending: Pending) -> Claim | None:
        if pending.order is None:
            self._queue.place(pending)
        # Nobody overtakes those who wait.
        return None if self._queue else self._pool.claim(pending.avoid)

    def _enqueue(self, pending: Pending) -> None:
        pending.handed = asyncio.get_running_loop().create_future()
        if pending.is_accepted:
            self._queue.put_back(pending)
        elif not self._queue.push(pending):
            waits_s = self._queue.audio_s
            raise QueueFull(
                f"{waits_s:.0f} s of audio wait already, and at most {self._limits.queue_audio_s:.0f} s may.",
                retry_after_s=self._pace.retry_after_s(waits_s, self._clock.now()),
            )

    async def _wait(self, pending: Pending) -> Claim:
        assert pending.handed is not None, "who waits has something to wait for"
        self.assign()
        try:
            return await pending.handed
        except asyncio.CancelledError:
            pending.take_back()
            raise
        finally:
            self._queue.remove(pending)

    def _overdue(self) -> HarkenError:
        limit = f"within {self._limits.queue_timeout_s:g} s"
        if self._pool.ready == 0:
            return NoReadyInstance(f"No instance became ready {limit}.", retry_after_s=NOT_READY_RETRY_AFTER_S)
        retry_after_s = self._pace.retry_after_s(self._queue.audio_s, self._clock.now())
        return TimedOut(f"No slot became free {limit}.", retry_after_s=retry_after_s)
