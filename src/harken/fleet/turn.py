"""A place among the instances that may load at once.

Taken before a process is created and given back when it is ready or gone. A start that hangs would keep all others out
for as long as a start may last, so a process that answers no look for half a minute loses its turn (not its life: only
its time limit ends a start). An instance listens from its beginning and answers while it loads, so silence tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Answers = Callable[[str], Awaitable[bool]]
"""Asks the instance at an address for its state: does it answer at all? Bounded in time, never raises."""

PATIENCE_S = 30.0
"""The longest silence of a process that loads."""

_LOOKS = 30
"""Looks in that time."""


class Turn:
    """One instance's turns, one after another.

    Args:
        starts: has room for as many as may load at once.
        answers: looks at a process.
        patience_s: after so many seconds of silence the turn is lost.
    """

    def __init__(self, starts: asyncio.Semaphore, answers: Answers, *, patience_s: float = PATIENCE_S) -> None:
        self._starts = starts
        self._answers = answers
        self._patience_s = patience_s
        self._is_held = False
        self.is_awaited = False

    async def take(self) -> None:
        """Wait for it."""
        self.is_awaited = True
        try:
            await self._starts.acquire()
            self._is_held = True
        finally:
            self.is_awaited = False

    def give_back(self) -> None:
        """Let the next instance load; again and again is no error."""
        if self._is_held:
            self._is_held = False
            self._starts.release()

    async def lose_by_silence(self, url: Callable[[], str]) -> bool:
        """Look at the process for as long as it has its turn.

        Args:
            url: where it listens, "" as long as it has not said so, which is silence too.

        Returns:
            True when the turn was taken from it, False when it was given back in time.
        """
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            await asyncio.sleep(self._patience_s / _LOOKS)
            if not self._is_held:
                return False
            asked = loop.time()
            address = url()
            if address and await self._answers(address):
                heard = loop.time()
            elif asked - heard >= self._patience_s and self._is_held:
                self.give_back()
                return True
