"""When the state of jobs is opened: at start if there is one, else with the first job.

Owns the one attempt at a time, and the one complaint in the log. The invariant: a state that cannot be used costs jobs
alone; every question about them is answered with `StateUnavailable`, and the next one tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from harken.config import JobsConfig
from harken.errors import ConfigError, StateUnavailable, StorageFull
from harken.jobs.threads import Threads
from harken.log import get_log
from harken.state import Database

if TYPE_CHECKING:
    from harken.jobs.rooms import Rooms

_RETRY_S = 5.0

_log = get_log("jobs.opening")


class Opening:
    """The state, open or not.

    Args:
        database: what to open.
        config: how.
        threads: in which to open it.
        on_open: called once, when it is open.
    """

    def __init__(
        self, database: Database, config: JobsConfig, threads: Threads, on_open: Callable[[Rooms], None]
    ) -> None:
        self._database = database
        self._config = config
        self._threads = threads
        self._on_open = on_open
        self._rooms: Rooms | None = None
        self._lock = asyncio.Lock()
        self._has_complained = False

    async def rooms(self) -> Rooms:
        """Return the open state.

        Raises:
            StateUnavailable: it cannot be used.
        """
        async with self._lock:
            if self._rooms is not None:
                return self._rooms
            try:
                rooms = await self._threads.run(_open, self._database, self._config)
            except (StateUnavailable, StorageFull, ConfigError) as error:
                if not self._has_complained:
                    _log.warning("jobs.state_unavailable", detail=error.message)
                self._has_complained = True
                message = "Jobs cannot be kept on this server now; its log says why."
                raise StateUnavailable(message, retry_after_s=30) from error
            self._rooms = rooms
            self._on_open(rooms)
            return rooms

    async def open_what_is_there(self) -> None:
        """Open the state if there is one, however long it takes; make none."""
        while self._rooms is None and await self._threads.run(self._database.is_there):
            try:
                await self.rooms()
            except StateUnavailable:
                await asyncio.sleep(_RETRY_S)


def _open(database: Database, config: JobsConfig) -> Rooms:
    from harken.jobs.rooms import open_rooms  # brings SQLAlchemy: a fifth of a second, here in a thread

    return open_rooms(database, config)
