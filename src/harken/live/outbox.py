"""What is to be told to a client, numbered, and kept for one that comes back.

Bounded: drafts that nobody has read yet are one event, the newest; what cannot be left out is counted, and beyond the
bound the client is taken for one that does not read. It knows no protocol. The invariants: numbers grow by the order
of telling; final text is in exactly one event; nothing follows the end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from harken.errors import SessionUnknown
from harken.live.events import Ended, LiveEvent, Text

UNREAD_MAX: Final = 500
"""Events that may wait for a client; a minute of speech makes about twenty that are not drafts."""

_READ_KEPT: Final = 500
"""Events that were read, kept for a client whose connection broke before it had them."""


class Outbox:
    """Of one session."""

    def __init__(self) -> None:
        self._events: deque[tuple[int, LiveEvent]] = deque()
        self._last = 0
        self._read = 0  # the number up to which the latest reader has them
        self._news = asyncio.Event()
        self._is_over = False
        self._reader = 0

    @property
    def is_over(self) -> bool:
        """Its end was told."""
        return self._is_over

    @property
    def is_overfull(self) -> bool:
        """More waits than may."""
        return self._last - self._read > UNREAD_MAX

    def put(self, event: LiveEvent) -> None:
        """Tell an event; nothing after the end."""
        if self._is_over:
            return
        if isinstance(event, Text) and self._events:
            number, latest = self._events[-1]
            if number > self._read and isinstance(latest, Text) and latest.turn == event.turn:
                event = replace(event, delta=latest.delta + event.delta)
                self._events[-1] = (number, event)
                self._news.set()
                return
        self._last += 1
        self._events.append((self._last, event))
        self._is_over = isinstance(event, Ended)
        while self._events[0][0] <= self._read - _READ_KEPT:
            self._events.popleft()
        self._news.set()

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, LiveEvent]]:
        """Yield what comes behind a number, until the end; a later reader ends this one.

        Raises:
            SessionUnknown: some of that is not there any more, or was never told.
        """
        if after > self._last or (self._events and after < self._events[0][0] - 1):
            raise SessionUnknown("What came after that event is not kept any more.")
        self._reader += 1
        own = self._reader
        self._read = after
        self._news.set()
        while own == self._reader:
            self._news.clear()
            for number, event in [each for each in self._events if each[0] > self._read]:
                self._read = number
                yield number, event
                if own != self._reader or isinstance(event, Ended):
                    return
            await self._news.wait()
