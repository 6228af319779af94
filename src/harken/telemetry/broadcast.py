"""One document a second to everybody who watches, written once however many they are.

Nobody watches: nothing is computed. A watcher that reads slowly misses documents, never gets old ones, and holds nobody
else. The invariant: watchers are bounded, and each gets the newest document there is when it comes back for one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harken.errors import Unavailable

WATCHERS_MAX = 64
INTERVAL_S = 1.0


class Broadcast:
    """Documents for watchers.

    Args:
        make: makes the document of this moment.
        interval_s: between two of them.
    """

    def __init__(self, make: Callable[[], dict[str, Any]], *, interval_s: float = INTERVAL_S) -> None:
        self._make = make
        self._interval_s = interval_s
        self._watchers = 0
        self._current = b""
        self._news = asyncio.Event()
        self._is_over = False

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return self._watchers

    async def run(self) -> None:
        """Write documents while anybody watches, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if self._watchers:
                self._current = self.now()
                self._spread()

    def close(self) -> None:
        """Send everybody away, and whoever comes."""
        self._is_over = True
        self._spread()

    def now(self) -> bytes:
        """The document of this moment, as JSON."""
        return json.dumps(self._make(), ensure_ascii=False, separators=(",", ":")).encode()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count as a watcher as long as the block.

        Raises:
            Unavailable: too many watch already.
        """
        if self._watchers >= WATCHERS_MAX:
            raise Unavailable(f"{WATCHERS_MAX} watch the cluster already.", retry_after_s=5)
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    async def next(self) -> bytes | None:
        """Wait for the next document; None: the server ends."""
        if not self._is_over:
            await self._news.wait()
        return None if self._is_over else self._current

    def _spread(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
