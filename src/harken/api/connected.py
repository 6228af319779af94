"""Work that ends when the client leaves.

Nobody reads the result of a request whose client hung up; its segments would only take slots from those who wait. So
the work runs beside a look at the connection, and whichever ends first ends the other. The invariant: when
`while_connected` returns or raises, neither of the two is still running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work`, whose request was read to its end, unless the client disconnects before.

    Raises:
        ClientDisconnect: the client left; the work was cancelled and has ended.
        Exception: whatever the work raised, as itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            watch = group.create_task(_cancel_when_gone(receive, task))
            task.add_done_callback(lambda _: watch.cancel())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    if task.cancelled():
        raise ClientDisconnect
    return task.result()


async def _cancel_when_gone(receive: Receive, task: asyncio.Task[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()
