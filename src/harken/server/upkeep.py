"""What a server does beside serving: it measures its event loop, and keeps in mind which keys there are.

Both go on from the server's first moment to its last, whatever becomes of its models. The invariant: nothing here can
end a server.
"""

from __future__ import annotations

import asyncio

from harken.keys import Admission
from harken.server.loop_lag import LoopLag


async def upkeep(lag: LoopLag, admission: Admission | None) -> None:
    """Go on until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(lag.run())
        if admission is not None:
            group.create_task(admission.ring.keep_fresh())
