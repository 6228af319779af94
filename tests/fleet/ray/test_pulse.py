"""When a bridge counts as silent."""

from __future__ import annotations

import asyncio
import time

from harken.fleet.ray.pulse import Pulse


def test_silence_is_noticed_and_words_are_heard() -> None:
    """Each word begins the count anew."""

    async def story() -> None:
        pulse = Pulse(look_s=0.01)
        stopped = asyncio.create_task(pulse.stopped(lambda: 0.05))
        for _ in range(10):
            await asyncio.sleep(0.01)
            pulse.beat()
        assert not stopped.done()
        async with asyncio.timeout(10):
            await stopped

    asyncio.run(story())


def test_a_gateway_that_was_away_itself_blames_nobody() -> None:
    """What it did not hear for that long is one look's silence."""

    async def story() -> None:
        stopped = asyncio.create_task(Pulse(look_s=0.01).stopped(lambda: 0.05))
        await asyncio.sleep(0)
        time.sleep(0.1)  # the loop is what stands still
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not stopped.done()
        stopped.cancel()

    asyncio.run(story())
