"""Why something has no place in the cluster yet: looks at what Ray counts, and says it in a sentence.

Asks Ray no more than once in a while, however many wait; off the event loop, because the cluster's head may be slow.
"""

from __future__ import annotations

import asyncio
import time

from harken.fleet.ray.wish import Wish, lack

_KEPT_S = 1.0


class Room:
    """What is known of room for one kind of wish.

    Args:
        wish: what each instance asks for.
    """

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._lock = asyncio.Lock()
        self._looked_at: float | None = None
        self._sentence = ""

    async def lack(self) -> str:
        """Say what is missing."""
        async with self._lock:
            if self._looked_at is None or time.monotonic() - self._looked_at > _KEPT_S:
                self._sentence = await asyncio.to_thread(self._look)
                self._looked_at = time.monotonic()
            return self._sentence

    def _look(self) -> str:
        import ray

        totals = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return lack(self._wish, totals, ray.available_resources())
