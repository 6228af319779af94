"""Virtual time: events in their order, and a clock that jumps from one to the next.

It knows nothing of what happens. Invariant: events happen in the order of their times, those of the same time in the
order in which they were planned; so a simulation with the same seed is the same to the last digit.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Act = Callable[[], None]


class Timeline:
    """Implements `harken.clock.Clock`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Act]] = []

    def now(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def at(self, time: float, act: Act) -> None:
        """Plan something; what should have happened already happens next."""
        heapq.heappush(self._events, (max(time, self._now), next(self._numbers), act))

    def after(self, seconds: float, act: Act) -> None:
        """Plan something for so many seconds from now."""
        heapq.heappush(self._events, (self._now + seconds, next(self._numbers), act))

    def run(self) -> None:
        """Let everything happen that is planned, and what is planned by that."""
        events = self._events
        while events:
            self._now, _, act = heapq.heappop(events)
            act()
