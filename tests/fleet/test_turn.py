"""A place among those who may load at once: kept by answering, lost by silence."""

from __future__ import annotations

import asyncio

from harken.fleet.device import Device
from harken.fleet.turn import Turn

PATIENCE_S = 0.06
TIMEOUT_S = 20.0


def test_who_answers_keeps_its_turn() -> None:
    """However long it loads; giving it back ends the looks."""

    async def story() -> None:
        looks = 0
        enough = asyncio.Event()

        async def answers(url: str) -> bool:
            nonlocal looks
            assert url == "http://here"
            looks += 1
            if looks == 90:
                enough.set()
            return True

        turn = Turn(Device("cpu", starts=1), "asr-1", answers, patience_s=PATIENCE_S)
        await turn.take()
        watch = asyncio.create_task(turn.lose_by_silence(lambda: "http://here"))
        async with asyncio.timeout(TIMEOUT_S):
            await enough.wait()
            assert not watch.done()
            turn.give_back()
            assert not await watch

    asyncio.run(story())


def test_who_is_silent_loses_its_turn_to_the_next() -> None:
    """Not listening at all, or listening and not answering."""

    async def never(_: str) -> bool:
        return False

    async def story(url: str) -> None:
        device = Device("cpu", starts=1)
        first, second, third = (Turn(device, name, never, patience_s=PATIENCE_S) for name in ("a", "b", "c"))
        await first.take()
        waiting = asyncio.create_task(second.take())
        await asyncio.sleep(0)
        assert second.is_awaited
        async with asyncio.timeout(TIMEOUT_S):
            assert await first.lose_by_silence(lambda: url)
            assert await waiting
        first.give_back()
        locked_out = asyncio.create_task(third.take())
        await asyncio.sleep(0)
        assert third.is_awaited, "what was lost must not be given back again"
        second.give_back()
        assert await locked_out

    for url in ("", "http://here"):
        asyncio.run(story(url))
