"""How much memory this process holds, as it was a moment ago.

The kernel walks all pages of the process to tell, which takes tens of milliseconds with a large model; so it is asked
in a thread, seldom. The invariant: reading the answer never waits.
"""

from __future__ import annotations

import asyncio
import os

from harken.machine.process import held_bytes

INTERVAL_S = 5.0


class MemoryWatch:
    """Of this process.

    Attributes:
        held_bytes: RAM that it held; None before the first look, and where the system does not say.
    """

    def __init__(self) -> None:
        self.held_bytes: int | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.held_bytes = await asyncio.to_thread(held_bytes, os.getpid())
            await asyncio.sleep(INTERVAL_S)
