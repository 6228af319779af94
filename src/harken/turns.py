"""One large piece of work in each round of the event loop.

An event loop does everything that is ready before it looks for news again. When two hundred uploads have each a part
ready, that is one long round, and a question after the server's health, which takes three rounds (connection, request,
answer), waits for each of them. So whoever is about to do a larger piece of work takes a turn: one goes on in each
round, in the order of asking. No work is added or lost by that; only the rounds become short. The invariant: a turn is
never held, so nobody who has one can keep it from others.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Gives turns, one for each round of the event loop; used on one loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def take(self) -> None:
        """Return when it is this caller's turn; at once where nobody else has had one in this round."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._next_round)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_round(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its caller has left
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next_round)
                return
        self._is_taken = False
