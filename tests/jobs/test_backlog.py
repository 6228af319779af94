"""How many files wait is told without waiting, and not told while nobody knows."""

from __future__ import annotations

import asyncio

from harken.errors import StateUnavailable
from harken.jobs.backlog import Backlog
from harken.jobs.threads import Threads


async def after_a_count(backlog: Backlog, *, is_away: bool) -> int | None:
    """What is told when the database was asked once."""
    threads = Threads()
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def count() -> int:
        loop.call_soon_threadsafe(asked.set)
        if is_away:
            raise StateUnavailable("The database does not answer.", retry_after_s=5)
        return 7

    following = asyncio.create_task(backlog.follow(count, threads))
    await asked.wait()
    await threads.close()
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    return backlog.files


def test_the_last_count_is_told_and_none_while_the_database_is_away() -> None:
    """An old number would look like one that is true now."""
    backlog = Backlog()
    assert backlog.files == 0
    assert asyncio.run(after_a_count(backlog, is_away=False)) == 7
    assert asyncio.run(after_a_count(backlog, is_away=True)) is None
    assert asyncio.run(after_a_count(backlog, is_away=False)) == 7
