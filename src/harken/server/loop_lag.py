"""By how much this process's event loop is late: the worst of the last seconds.

An event loop that something holds (a long computation, a large copy, a file that is read in place) answers nobody, and
whoever looks sees only that. So each server measures itself: a task that wants to wake up every tenth of a second
notes how late it was. It knows nothing of what the number is used for. The invariant: a lag is told for `KEPT_S`
seconds at least, and for twice that at most.
"""

from __future__ import annotations

import asyncio

from harken.clock import Clock

TICK_S = 0.1

KEPT_S = 3.0
"""Longer than the pause between two looks at a server, so that each look sees what happened since the last."""


class LoopLag:
    """Measures the event loop in which `run` runs.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: float | None = None
        self._since = clock.now()
        self._worst_s = 0.0
        self._worst_before_s = 0.0

    @property
    def worst_s(self) -> float:
        """The longest delay, in seconds; one that is not over yet counts as long as it is now."""
        now_s = 0.0 if self._due is None else self._clock.now() - self._due
        return max(self._worst_s, self._worst_before_s, now_s)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = self._clock.now() + TICK_S
            await asyncio.sleep(TICK_S)
            self._note(self._clock.now())

    def _note(self, now: float) -> None:
        """Two periods are kept: the one that runs, and the one before it."""
        assert self._due is not None, "a wake-up is noted after it was due"
        if now - self._since >= KEPT_S:
            self._worst_before_s, self._worst_s, self._since = self._worst_s, 0.0, now
        self._worst_s = max(self._worst_s, now - self._due)
