"""The way out of an engine: each segment that leaves is noted, and whoever drains waits until the last has left.

It counts nothing, its owner does. The invariant: no leaving is missed, for a wait looks before it sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Exits:
    """Of one engine, within one event loop."""

    def __init__(self) -> None:
        self._one_left = asyncio.Event()

    def note(self) -> None:
        """One has left, however it ended."""
        self._one_left.set()

    async def until_empty(self, inside: Callable[[], int], timeout_s: float) -> bool:
        """Wait until nobody is inside; False when that took longer than `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while inside():
                    self._one_left.clear()
                    await self._one_left.wait()
        except TimeoutError:
            return False
        return True
