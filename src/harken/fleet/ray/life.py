"""What a gateway hears of one try of an instance in a Ray cluster, and what it orders about it.

A queue with a number: it understands nothing of what is told. The invariant: nothing told is lost on those who listen
late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from harken.fleet.ray.messages import Do, Order, Told


class Life:
    """What is said of one try of an instance.

    Args:
        send: writes an order to the bridge.
        number: of it.
        name: of the instance.
    """

    def __init__(self, send: Callable[[Order], None], number: int, name: str) -> None:
        self._send = send
        self._number = number
        self._name = name
        self._told: asyncio.Queue[Told] = asyncio.Queue()

    async def next(self) -> Told:
        """Wait for what is told next; the last is REFUSED, ENDED, LOST or CUT."""
        return await self._told.get()

    def order(self, do: Do, variables: Mapping[str, str] | None = None) -> None:
        """Have the bridge do something with it."""
        self._send(Order(do=do, number=self._number, name=self._name, variables=variables or {}))

    def hear(self, told: Told) -> None:
        """Take in what is told of it."""
        self._told.put_nowait(told)
