"""Opens a file in a thread for somebody who may be gone before it is open.

It does not know which file. The invariant: whoever is cancelled while he waits leaves no open descriptor behind.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

More = TypeVar("More")


async def open_in(pool: Executor, work: Callable[[], tuple[int, More]]) -> tuple[int, More]:
    """Let a thread open it; gives the descriptor, and whatever `work` tells beside it.

    Args:
        pool: of threads.
        work: opens it, and returns the descriptor first.
    """
    opening = pool.submit(work)
    try:
        return await asyncio.wrap_future(opening)
    except asyncio.CancelledError:
        # A thread cannot be cancelled: what it opens, now or in a while, is closed where it ends.
        opening.add_done_callback(_close)
        raise


def _close(opening: Future[tuple[int, More]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result()[0])
