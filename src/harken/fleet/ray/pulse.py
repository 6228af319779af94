"""How long a bridge has said nothing.

Silence is counted in looks, not by the clock: a gateway that was itself stopped for a while, as laptops do, finds a
single look's silence afterwards, and the words that came meanwhile. The invariant: whoever speaks at least once between
two looks is never taken for silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BEAT_S = 1.0
"""A bridge says something at least so often, once it is in the cluster."""


class Pulse:
    """Of one bridge.

    Args:
        look_s: between two looks.
    """

    def __init__(self, look_s: float = BEAT_S) -> None:
        self._look_s = look_s
        self._quiet_s = 0.0

    def beat(self) -> None:
        """It said something."""
        self._quiet_s = 0.0

    async def stopped(self, patience_s: Callable[[], float]) -> None:
        """Return when it has been silent for so many seconds as may be at that time."""
        while self._quiet_s < patience_s():
            await asyncio.sleep(self._look_s)
            self._quiet_s += self._look_s
