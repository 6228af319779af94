"""What a client is still to be told: its session's events, and answers to what it sent.

Events wait in the session until the client takes them, and are bounded there; here waits one of them at most. Answers
are bounded here: a client that goes on asking and does not read is cut off. The invariant: the order of telling is the
order of happening.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from harken.errors import SlowReader
from harken.live.events import LiveEvent

Members = dict[str, object]
"""A message of a protocol, before it is written as JSON."""

ANSWERS_MAX = 256
"""Answers that may wait for a client."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbered:
    """An event of the session.

    Attributes:
        n: its number, by which a client that comes back says what it has seen.
        event: what happened.
    """

    n: int
    event: LiveEvent


Told = Numbered | Members


class Outbox:
    """Messages for one client, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Told] = deque()
        self._has_some = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def answer(self, members: Members) -> None:
        """Add an answer.

        Raises:
            SlowReader: too many wait already.
        """
        if len(self._waiting) >= ANSWERS_MAX:
            raise SlowReader
        self._add(members)

    async def hand_over(self, numbered: Numbered) -> None:
        """Add an event as soon as the client has taken everything before it."""
        await self._is_empty.wait()
        self._add(numbered)

    async def take(self) -> Told:
        """Return the next message as soon as there is one."""
        await self._has_some.wait()
        told = self._waiting.popleft()
        if not self._waiting:
            self._has_some.clear()
            self._is_empty.set()
        return told

    def _add(self, told: Told) -> None:
        self._waiting.append(told)
        self._has_some.set()
        self._is_empty.clear()
