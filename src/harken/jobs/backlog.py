"""How many files of jobs nobody works on yet: counted now and again, for those who watch.

Owns the last count. It is of the database, so all servers that share one tell the same. The invariant: whoever asks
waits for nothing; while the database is away there is no count, rather than an old one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.errors import Unavailable
from harken.jobs.threads import Threads

COUNT_S = 10.0
"""How often they are counted: as often as somebody scrapes."""


class Backlog:
    """The count.

    Attributes:
        files: that wait; None while that cannot be told. 0 before there was any job.
    """

    def __init__(self) -> None:
        self.files: int | None = 0

    async def follow(self, count: Callable[[], int], threads: Threads) -> None:
        """Count again and again, until cancelled.

        Args:
            count: asks the database; blocking.
            threads: in which to do it.
        """
        while True:
            try:
                self.files = await threads.run(count)
            except Unavailable:
                self.files = None
            await asyncio.sleep(COUNT_S)
