"""Loading a model beside the event loop, in a thread that nobody has to wait for.

Loading takes seconds to minutes and cannot be interrupted. In a daemon thread it neither blocks the event
loop nor keeps the process alive: SIGTERM during the load ends the process at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


_THREAD = "load"


def is_loading() -> bool:
    """Tell whether a load is still running in this process."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


async def in_daemon_thread(work: Callable[[], Result]) -> Result:
    """Run a function in another thread and return what it returns or raise what it raises.

    When the caller is cancelled, the thread goes on, its result is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # no error means that there is a result

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - a thread's edge: the caller gets it, whatever it is
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            # The loop is closed: the server has left while we were loading.
            return

    threading.Thread(target=run, name=_THREAD, daemon=True).start()
    return await done
