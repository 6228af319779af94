"""News: something about the fleet or its segments has changed, and whoever waits for something looks again.

It knows no reasons and keeps no history; each who waits brings a condition. Invariant: nobody misses a change, because
between looking and waiting there is no await.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class News:
    """Wakes those who wait for a condition."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def spread(self) -> None:
        """Something changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not condition():
            await self._changed.wait()
