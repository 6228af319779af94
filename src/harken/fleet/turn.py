"""A place among the instances that may load on a device at once.

Taken before a process is created and given back when it is ready or gone. A start that hangs would keep all others out
for as long as a start may last, so a process that answers no look for half a minute loses its turn (not its life: only
its time limit ends a start). An instance listens from its beginning and answers while it loads, so silence tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from harken.fleet.device_health import DeviceEvent

Answers = Callable[[str], Awaitable[bool]]
"""Asks the instance at an address for its state: does it answer at all? Bounded in time, never raises."""

PATIENCE_S = 30.0
"""The longest silence of a process that loads."""

_LOOKS = 30
"""Looks in that time."""


class Gate(Protocol):
    """Where instances wait until they may load: a `Device`, or whoever places them elsewhere."""

    given_up_because: str
    """Why nobody is let in any more; "" where somebody may be."""

    lacks_room: bool
    """Whoever waits here waits for room that nobody promises, not for his turn."""

    async def enter(self, instance: str) -> bool:
        """Wait until an instance may load; False: it may not."""
        ...

    def release(self) -> None:
        """It has loaded, or is gone."""
        ...

    def held_because(self, instance: str) -> str:
        """What one that waits here waits for, as a sentence."""
        ...

    def tell(self, event: DeviceEvent, instance: str = "", *, reason: str = "") -> None:
        """Take in what happened to an instance."""
        ...


class Turn:
    """One instance's turns, one after another, and what its device hears of it.

    Args:
        gate: where it waits.
        name: of the instance.
        answers: looks at a process.
        patience_s: after so many seconds of silence the turn is lost.
    """

    def __init__(self, gate: Gate, name: str, answers: Answers, *, patience_s: float = PATIENCE_S) -> None:
        self._gate = gate
        self._name = name
        self._answers = answers
        self._patience_s = patience_s
        self._is_held = False
        self.is_awaited = False

    @property
    def awaited_because(self) -> str:
        """What it waits for, as a sentence; "" when it does not."""
        return self._gate.held_because(self._name) if self.is_awaited else ""

    @property
    def lacks_room(self) -> bool:
        """It waits for room, however long that takes."""
        return self.is_awaited and self._gate.lacks_room

    @property
    def refused_because(self) -> str:
        """Why nobody may load there any more; "" where one may."""
        return self._gate.given_up_because

    def want(self) -> None:
        """An operator wants it tried again, also where its device was given up."""
        self._gate.tell(DeviceEvent.WANTED, self._name)

    async def take(self) -> bool:
        """Wait for it; False when it never comes, because the device was given up."""
        self.is_awaited = True
        try:
            self._is_held = await self._gate.enter(self._name)
        finally:
            self.is_awaited = False
        return self._is_held

    def give_back(self) -> None:
        """Let the next instance load; again and again is no error."""
        if self._is_held:
            self._is_held = False
            self._gate.release()

    def succeed(self) -> None:
        """It is ready: the next may load, and the device works."""
        self.give_back()
        self._gate.tell(DeviceEvent.READY, self._name)

    def fail(self, reason: str) -> None:
        """It died, or was killed for its silence: that may be the device's fault."""
        self._gate.tell(DeviceEvent.FAILED, self._name, reason=reason)

    def leave(self) -> None:
        """It does not start for now, which says nothing of the device."""
        self._gate.tell(DeviceEvent.LEFT, self._name)

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
