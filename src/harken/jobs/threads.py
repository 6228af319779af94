"""The threads in which jobs talk to the disk and the database, so that the event loop never waits for either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

_THREADS = 4


class Threads:
    """A few threads, made when they are first needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobs")

    async def run(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """Run a blocking function; one whose caller is cancelled runs to its end all the same."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *given, **named))

    async def close(self) -> None:
        """Wait for what runs."""
        await asyncio.to_thread(self._pool.shutdown, wait=True)
