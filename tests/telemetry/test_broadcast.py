"""Rules of harken.telemetry.broadcast."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from harken.errors import Unavailable
from harken.telemetry.broadcast import WATCHERS_MAX, Broadcast


def test_a_document_is_written_once_for_all_and_never_for_nobody() -> None:
    """Two watchers get the same one; without any none is made."""
    numbers = itertools.count()

    async def main() -> None:
        broadcast = Broadcast(lambda: {"number": next(numbers)}, interval_s=0.01)
        running = asyncio.create_task(broadcast.run())
        await asyncio.sleep(0.05)
        assert next(numbers) == 0
        with broadcast.watching(), broadcast.watching():
            first, second = await asyncio.gather(broadcast.next(), broadcast.next())
            assert first is second is not None
        running.cancel()

    asyncio.run(main())


def test_the_end_sends_everybody_away_and_whoever_comes_later() -> None:
    """So that a server can leave."""

    async def main() -> None:
        broadcast = Broadcast(dict)
        with broadcast.watching():
            waiting = asyncio.create_task(broadcast.next())
            await asyncio.sleep(0)
            broadcast.close()
            assert await waiting is None
        assert await broadcast.next() is None

    asyncio.run(main())


def test_watchers_are_bounded_and_leave_their_place() -> None:
    """The next one is told to come later."""
    from contextlib import ExitStack

    broadcast = Broadcast(dict)
    with ExitStack() as stack:
        for _ in range(WATCHERS_MAX):
            stack.enter_context(broadcast.watching())
        with pytest.raises(Unavailable), broadcast.watching():
            pass
    assert broadcast.watchers == 0
    with broadcast.watching():
        assert broadcast.watchers == 1
