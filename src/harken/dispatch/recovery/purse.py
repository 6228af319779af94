"""The purse: further tries after failed ones are free in idle slots; the others are paid from a budget, or wait for it.

The budget is there so that failures do not make an overload worse. A slot that nobody who waits may have is no
overload, so a try elsewhere in one costs nobody anything. Who gets neither waits here, in the queue's order (class,
key, due time) and in the same room: it is seen and counted as what it is, audio that waits. Invariant: every `pay`
ends, with a slot, with the right to wait for one, too late, or closed; and who left meanwhile costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.clock import Clock
from harken.dispatch.attempt import Pending
from harken.dispatch.order.queue import Queue
from harken.dispatch.order.room import Room
from harken.dispatch.recovery.budget import Budget
from harken.dispatch.stats import Stats
from harken.dispatch.targets.target import Claim
from harken.errors import Draining

_TICK_S = 0.1

_PASSED_MAX = 64
"""Segments for which neither is found in one round; it bounds the cost of a round."""


class Purse:
    """Finds or pays for further tries.

    Args:
        budget: what there is.
        room: where those who wait take room.
        enter: claims an idle slot for a segment, where it has not failed; None when there is none.
        clock: seconds.
        stats: counts who had to wait.
    """

    def __init__(
        self, *, budget: Budget, room: Room, enter: Callable[[Pending], Claim | None], clock: Clock, stats: Stats
    ) -> None:
        self._budget = budget
        self._queue: Queue[Pending] = Queue(room)
        self._enter = enter
        self._clock = clock
        self._stats = stats
        self._answers: dict[Pending, asyncio.Future[Claim | None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __len__(self) -> int:
        """Those who wait."""
        return len(self._queue)

    def earn(self) -> None:
        """Something succeeded."""
        now = self._clock.now()
        self._budget.earn(now)
        if self._queue and self._budget.left(now) >= 1.0:
            self._serve()

    async def pay(self, pending: Pending) -> Claim | None:
        """Get a further try, at once or after waiting.

        Returns:
            An idle slot; None where the budget has paid, and the segment may wait for a slot.

        Raises:
            TimeoutError: the clock came to its `waits_until` before.
            Draining: the purse is closed.
        """
        if self._is_closed:
            raise Draining
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Claim | None] = loop.create_future()
        self._answers[pending] = answer
        self._queue.put_back(pending)
        self._serve()
        if not answer.done():
            self._stats.postponed += 1
            self._timer = self._timer or loop.call_later(_TICK_S, self._tick)
        try:
            return await answer
        except asyncio.CancelledError:
            # It may have been handed a slot in the moment in which its caller left.
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                claim = answer.result()
                if claim is not None:
                    claim.release()
            raise
        finally:
            self._answers.pop(pending, None)
            self._queue.remove(pending)

    def close(self) -> None:
        """Send everybody away and pay no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (pending := self._queue.pop(self._clock.now())) is not None:
            self._refuse(pending, Draining())

    def _tick(self) -> None:
        self._timer = None
        for pending in self._queue.expire(self._clock.now()):
            self._refuse(pending, TimeoutError())
        self._serve()
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _serve(self) -> None:
        now = self._clock.now()
        passed: list[Pending] = []
        while len(passed) < _PASSED_MAX and (pending := self._queue.pop(now)) is not None:
            answer = self._answers[pending]
            if answer.done():  # its caller leaves in this very moment
                continue
            claim = self._enter(pending)
            if claim is not None or self._budget.spend(now):
                answer.set_result(claim)
            else:
                passed.append(pending)
        for pending in passed:
            self._queue.put_back(pending)

    def _refuse(self, pending: Pending, error: Exception) -> None:
        answer = self._answers[pending]
        if not answer.done():
            answer.set_exception(error)
