"""The purse: further tries are paid from a budget, and who finds it empty waits instead of failing.

The futures around `Budget`. Those who wait are paid in the order of their coming, as soon as something else succeeds or
time brings the floor. Invariant: every `pay` ends: paid, too late by its own limit, or closed; and who left meanwhile
costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from harken.clock import Clock
from harken.dispatch.recovery.budget import Budget
from harken.dispatch.stats import Stats
from harken.errors import Draining

_TICK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Wish:
    until: float
    answer: asyncio.Future[bool]


class Purse:
    """Pays for further tries.

    Args:
        budget: what there is.
        clock: seconds.
        stats: counts who had to wait.
    """

    def __init__(self, budget: Budget, clock: Clock, stats: Stats) -> None:
        self._budget = budget
        self._clock = clock
        self._stats = stats
        self._wishes: deque[_Wish] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __len__(self) -> int:
        """Those who wait."""
        return len(self._wishes)

    def earn(self) -> None:
        """Something succeeded."""
        self._budget.earn(self._clock.now())
        if self._wishes:
            self._serve()

    async def pay(self, until: float) -> bool:
        """Pay for one further try, at once or after waiting; False when the clock came to `until` before.

        Raises:
            Draining: the purse is closed.
        """
        if self._is_closed:
            raise Draining
        if not self._wishes and self._budget.spend(self._clock.now()):
            return True
        self._stats.postponed += 1
        loop = asyncio.get_running_loop()
        wish = _Wish(until=until, answer=loop.create_future())
        self._wishes.append(wish)
        self._timer = self._timer or loop.call_later(_TICK_S, self._tick)
        return await wish.answer

    def close(self) -> None:
        """Send everybody away and pay no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._wishes:
            answer = self._wishes.popleft().answer
            if not answer.done():
                answer.set_exception(Draining())

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.now()
        for wish in self._wishes:
            if wish.until <= now and not wish.answer.done():
                wish.answer.set_result(False)
        self._serve()
        if self._wishes:
            self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _serve(self) -> None:
        while self._wishes:
            answer = self._wishes[0].answer
            # One that is done is too late, or its caller has left.
            if not answer.done():
                if not self._budget.spend(self._clock.now()):
                    return
                answer.set_result(True)
            self._wishes.popleft()
