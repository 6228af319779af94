"""What waits for a client."""

from __future__ import annotations

import asyncio

import pytest

from harken.api.live.outbox import ANSWERS_MAX, Numbered, Outbox, Told
from harken.errors import SlowReader
from harken.live.events import Text


def test_events_come_one_by_one_and_in_order_with_answers() -> None:
    """The next event is taken from the session only when the client has taken everything before it."""

    async def run() -> list[Told]:
        outbox, handed = Outbox(), list[int]()

        async def hand_over() -> None:
            for n in range(3):
                await outbox.hand_over(Numbered(n=n, event=Text(turn=1, delta="", tentative="")))
                handed.append(n)

        async with asyncio.TaskGroup() as group:
            group.create_task(hand_over())
            while not handed:
                await asyncio.sleep(0)
            outbox.answer({"type": "first"})
            outbox.answer({"type": "second"})
            await asyncio.sleep(0)
            assert handed == [0]
            return [await outbox.take() for _ in range(5)]

    told = asyncio.run(run())
    order = [one.n if isinstance(one, Numbered) else one["type"] for one in told]
    assert order == [0, "first", "second", 1, 2]


def test_answers_are_bounded() -> None:
    """A client that only asks is a slow reader too."""
    outbox = Outbox()
    for _ in range(ANSWERS_MAX):
        outbox.answer({})
    with pytest.raises(SlowReader):
        outbox.answer({})
