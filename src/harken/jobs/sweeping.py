"""What goes with time: ended jobs that were kept long enough, recordings that no job needs, files nobody can read.

Bounded: a sweep forgets a hundred jobs at most, and the next one goes on. A sweep that fails is told in the log; the
next one tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from harken.errors import Unavailable
from harken.jobs.threads import Threads
from harken.log import get_log

if TYPE_CHECKING:
    from harken.jobs.rooms import Rooms

SWEEP_S = 60.0
"""How often old jobs and left-over recordings are looked for."""

FORGET_AT_ONCE = 100

_log = get_log("jobs.sweeping")


async def sweep(rooms: Rooms, threads: Threads, *, keep_s: float, now: Callable[[], float]) -> None:
    """Sweep now and again, until cancelled.

    Args:
        rooms: an open state.
        threads: in which to do it.
        keep_s: how long an ended job is kept.
        now: seconds since 1970.
    """
    while True:
        try:
            forgotten = await threads.run(rooms.store.forget_older, now() - keep_s, FORGET_AT_ONCE)
            removed = await threads.run(rooms.shelf.tidy, rooms.store.needed)
            await threads.run(rooms.presence.look, now=now())
        except (Unavailable, OSError) as error:
            _log.warning("jobs.sweep_failed", detail=str(error))
        else:
            if forgotten or removed:
                _log.info("jobs.swept", jobs=forgotten, recordings=removed)
        await asyncio.sleep(SWEEP_S)
