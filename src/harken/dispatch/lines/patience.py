"""Waiting for an answer without taking our own stalls for the other side's silence.

When this process itself stood still for longer than its patience, the answer may lie unread: an ordinary timeout would
fire before it is seen. So patience is spent in small parts, and a stall, however long, costs one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_TICKS = 20

T = TypeVar("T")


async def patiently(asking: Coroutine[Any, Any, T], timeout_s: float) -> T:
    """Await something for at most `timeout_s` seconds in which this process ran.

    Raises:
        TimeoutError: it took longer; it is cancelled then.
    """
    task = asyncio.create_task(asking)
    try:
        for _ in range(_TICKS):
            done, _ = await asyncio.wait((task,), timeout=timeout_s / _TICKS)
            if done:
                return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            # What it opened is closed by itself, before its session is: nobody else waits for it.
            await asyncio.wait((task,))
