"""What a client is still to be told. Pure, but for one wait.

Owns the bound: a client that does not read holds up nobody but itself, and is cut off when too much waits for it. The
invariants: what is final is told in order and never dropped; tentative text never waits twice, the newest replaces it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace

from harken.errors import SlowReader
from harken.live.events import LiveEvent, Text

Members = dict[str, object]
"""A message of a protocol, before it is written as JSON."""

MESSAGES_MAX = 512
"""What may wait: a socket that takes messages takes these at once."""


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

    def __init__(self, most: int = MESSAGES_MAX) -> None:
        self._most = most
        self._waiting: deque[Told] = deque()
        self._has_some = asyncio.Event()

    def put(self, told: Told) -> None:
        """Add a message.

        Raises:
            SlowReader: too many wait already.
        """
        last = self._waiting[-1] if self._waiting else None
        joined = _joined(last, told)
        if joined is not None:
            self._waiting[-1] = joined
            return
        if len(self._waiting) >= self._most:
            raise SlowReader
        self._waiting.append(told)
        self._has_some.set()

    async def take(self) -> Told:
        """Return the next message as soon as there is one."""
        await self._has_some.wait()
        told = self._waiting.popleft()
        if not self._waiting:
            self._has_some.clear()
        return told


def _joined(last: Told | None, told: Told) -> Numbered | None:
    """Two events of one turn's text as one; None for any others."""
    if not (isinstance(last, Numbered) and isinstance(told, Numbered)):
        return None
    before, text = last.event, told.event
    if not (isinstance(before, Text) and isinstance(text, Text) and before.turn == text.turn):
        return None
    return Numbered(n=told.n, event=replace(text, delta=before.delta + text.delta))
