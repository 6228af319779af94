"""Rules of harken.turns: short rounds of the event loop, whoever has how much to do."""

from __future__ import annotations

import asyncio

from harken.turns import Turns


def rounds_of(callers: int, *, leaving: frozenset[int] = frozenset()) -> list[int]:
    """In which round of the loop each caller had its turn; those in `leaving` are cancelled while they wait."""

    async def story() -> list[int]:
        turns, had, rounds = Turns(), list[int](), 0

        def count() -> None:
            nonlocal rounds
            rounds += 1
            counting[0] = asyncio.get_running_loop().call_soon(count)

        async def caller() -> None:
            await turns.take()
            had.append(rounds)

        counting = [asyncio.get_running_loop().call_soon(count)]
        tasks = [asyncio.create_task(caller()) for _ in range(callers)]
        await asyncio.sleep(0)
        for number in leaving:
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        counting[0].cancel()
        return had

    return asyncio.run(story())


def test_one_goes_on_in_each_round() -> None:
    """The first at once, the others one by one; and the rounds between them are not wasted."""
    rounds = rounds_of(20)
    assert len(rounds) == len(set(rounds)) == 20
    assert rounds == sorted(rounds)
    assert rounds[-1] - rounds[0] <= 21


def test_who_leaves_the_line_costs_nobody_a_round() -> None:
    """Cancelled callers are passed over."""
    rounds = rounds_of(20, leaving=frozenset(range(5, 15)))
    assert len(rounds) == 10
    assert rounds[-1] - rounds[0] <= 11


def test_who_is_alone_does_not_wait() -> None:
    """A turn is there at once, again and again, when the last one was in an earlier round."""

    async def story() -> None:
        turns = Turns()
        for _ in range(3):
            taking = turns.take()
            try:
                taking.send(None)
            except StopIteration:
                pass
            else:
                raise AssertionError("it waited")
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(story())


def test_turns_come_in_the_order_of_asking() -> None:
    """Who asks again goes to the end of the line: the first has its turn at once, and asks again before the others."""

    async def story() -> list[str]:
        turns, had = Turns(), list[str]()

        async def caller(name: str) -> None:
            for _ in range(3):
                await turns.take()
                had.append(name)

        await asyncio.gather(*(caller(name) for name in "abc"))
        return had

    assert "".join(asyncio.run(story())) == "aabcabcbc"
