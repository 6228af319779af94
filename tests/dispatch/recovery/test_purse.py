"""Waiting for further tries to be paid for."""

from __future__ import annotations

import asyncio

import pytest

from harken.dispatch.recovery.budget import Budget
from harken.dispatch.recovery.purse import Purse
from harken.dispatch.stats import Stats
from harken.errors import Draining
from harken.testing.clock import FakeClock
from tests.dispatch.house import run

LATER = 1000.0


async def waiting(purse: Purse, *names: str, until: float = LATER) -> tuple[list[asyncio.Task[bool]], list[str]]:
    """Let several ask, one after another; their names appear in the list as they are answered."""
    answered: list[str] = []

    async def ask(name: str) -> bool:
        is_paid = await purse.pay(until)
        answered.append(name)
        return is_paid

    tasks = [asyncio.create_task(ask(name)) for name in names]
    await asyncio.sleep(0)
    return tasks, answered


def test_what_can_be_paid_is_paid_at_once() -> None:
    """And the next one waits."""

    async def story() -> None:
        purse = Purse(Budget(share=1.0, floor=1), FakeClock(), Stats())
        assert await purse.pay(LATER)
        (waits,), _ = await waiting(purse, "second")
        assert (waits.done(), len(purse)) == (False, 1)
        purse.earn()
        assert await waits

    run(story())


def test_they_are_paid_in_the_order_of_their_coming() -> None:
    """One per success here; whoever comes later waits behind them, though there may be something left."""

    async def story() -> None:
        purse = Purse(Budget(share=1.0, floor=0), FakeClock(), Stats())
        tasks, answered = await waiting(purse, "a", "b", "c")
        for count in (1, 2, 3):
            purse.earn()
            await asyncio.sleep(0)
            assert answered == ["a", "b", "c"][:count]
        assert await asyncio.gather(*tasks) == [True] * 3

    run(story())


def test_time_alone_pays_too() -> None:
    """The floor comes back by itself, so a fleet in which nothing succeeds is still tried, slowly."""

    async def story() -> None:
        clock = FakeClock()
        purse = Purse(Budget(share=0.0, floor=1), clock, Stats())
        assert await purse.pay(LATER)
        (waits,), _ = await waiting(purse, "next")
        clock.advance(11.0)
        assert await waits

    run(story())


def test_waiting_has_an_end() -> None:
    """By the clock; the answer is no."""

    async def story() -> None:
        clock = FakeClock()
        purse = Purse(Budget(share=0.0, floor=0), clock, Stats())
        (waits,), _ = await waiting(purse, "too late", until=5.0)
        clock.advance(5.0)
        assert not await waits
        assert len(purse) == 0

    run(story())


def test_who_left_is_not_paid_for() -> None:
    """The next one is."""

    async def story() -> None:
        purse = Purse(Budget(share=1.0, floor=0), FakeClock(), Stats())
        (leaves, stays), _ = await waiting(purse, "leaves", "stays")
        leaves.cancel()
        await asyncio.wait([leaves])
        purse.earn()
        assert await stays

    run(story())


def test_a_closed_purse_sends_everybody_away() -> None:
    """Those who wait and those who come; and its timer is gone."""

    async def story() -> None:
        purse = Purse(Budget(share=0.0, floor=0), FakeClock(), Stats())
        (waits,), _ = await waiting(purse, "waits")
        purse.close()
        with pytest.raises(Draining):
            await waits
        with pytest.raises(Draining):
            await purse.pay(LATER)
        assert (len(purse), purse._timer) == (0, None)

    run(story())
