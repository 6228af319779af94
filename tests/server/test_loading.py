"""Loading beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harken.errors import CheckpointError
from harken.server.loading import in_daemon_thread, is_loading


def test_the_event_loop_goes_on_while_something_loads() -> None:
    """The load waits for something that only the event loop can do."""

    async def story() -> None:
        go = threading.Event()

        def load() -> str:
            assert go.wait(5)
            return "model"

        loading = asyncio.ensure_future(in_daemon_thread(load))
        await asyncio.sleep(0)
        assert is_loading()
        go.set()
        assert await loading == "model"

    asyncio.run(story())


def test_what_the_load_raises_is_raised_here() -> None:
    """An error keeps its kind across the thread."""

    def load() -> None:
        raise CheckpointError("no weights")

    with pytest.raises(CheckpointError, match="no weights"):
        asyncio.run(in_daemon_thread(load))


def test_a_load_that_nobody_waits_for_keeps_nobody_here() -> None:
    """After cancelling, the event loop closes although the thread still runs; its late result harms nothing."""
    go = threading.Event()

    async def story() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_daemon_thread(lambda: go.wait(5))

    asyncio.run(story())
    thread = next(thread for thread in threading.enumerate() if thread.name == "load")
    assert thread.daemon
    go.set()
    thread.join(5)
    assert not is_loading()
