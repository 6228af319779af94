"""What a server does beside serving: it measures its event loop, looks at its machine, remembers which keys there are.

They go on from the server's first moment to its last, whatever becomes of its models. The invariant: nothing here can
end a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from harken.keys import Admission
from harken.server.loop_lag import LoopLag


async def upkeep(lag: LoopLag, admission: Admission | None, *watches: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Go on until cancelled.

    Args:
        lag: of the event loop.
        admission: the keys, where there may be some.
        watches: what else goes on as long.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(lag.run())
        for watch in watches:
            group.create_task(watch())
        if admission is not None:
            group.create_task(admission.ring.keep_fresh())
