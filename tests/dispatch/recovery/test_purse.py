"""Waiting for further tries, in idle slots or to be paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from harken.dispatch.attempt import Pending
from harken.dispatch.order.room import Room
from harken.dispatch.recovery.budget import Budget
from harken.dispatch.recovery.purse import Purse
from harken.dispatch.stats import Stats
from harken.dispatch.targets.target import Claim, Target
from harken.errors import Draining
from harken.testing.clock import FakeClock
from harken.types import ModelInfo, Priority, Requester
from tests.dispatch.house import run

LATER = 1000.0


def nowhere(_: Pending) -> Claim | None:
    """No slot is idle."""
    return None


def purse_of(
    share: float,
    floor: float,
    *,
    clock: FakeClock | None = None,
    enter: Callable[[Pending], Claim | None] = nowhere,
    room: Room | None = None,
) -> Purse:
    """A purse with that budget."""
    budget = Budget(share=share, floor=floor)
    return Purse(budget=budget, room=room or Room(1e6), enter=enter, clock=clock or FakeClock(), stats=Stats())


def failed(priority: Priority = Priority.INTERACTIVE, *, until: float = LATER) -> Pending:
    """A segment of five seconds that has failed once."""
    requester = Requester(priority=priority)
    return Pending(audio_s=5.0, requester=requester, deadline=until, is_accepted=True, had_turn=True)


async def waiting(
    purse: Purse, *names: str, until: float = LATER
) -> tuple[list[asyncio.Task[Claim | None]], list[str]]:
    """Let several ask, one after another; their names (which may be classes) appear as they are answered."""
    answered: list[str] = []

    async def ask(name: str) -> Claim | None:
        priority = Priority(name) if name in list(Priority) else Priority.INTERACTIVE
        claim = await purse.pay(failed(priority, until=until))
        answered.append(name)
        return claim

    tasks = [asyncio.create_task(ask(name)) for name in names]
    await asyncio.sleep(0)
    return tasks, answered


def slot() -> Claim:
    """The slot of an idle target."""
    target = Target("idle", "http://idle", clock=FakeClock())
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
    target.state = target.state.READY
    return target.claim(lambda: None)


def test_an_idle_slot_is_free() -> None:
    """However empty the budget is; and it goes back when its caller leaves in the moment in which it gets it."""

    async def story() -> None:
        claim = slot()
        purse = purse_of(0.0, 0, enter=lambda _: claim)
        assert await purse.pay(failed()) is claim
        assert (claim.target.in_flight, purse._stats.postponed) == (1, 0)

        slots: list[Claim] = []
        purse = purse_of(0.0, 0, enter=lambda _: slots[0] if slots else None)
        (leaves,), _ = await waiting(purse, "leaves")
        slots.append(claim)
        purse._tick()
        leaves.cancel()
        await asyncio.wait([leaves])
        assert claim.target.in_flight == 0
        purse.close()

    run(story())


def test_a_slot_that_becomes_idle_ends_the_waiting() -> None:
    """Nothing has to succeed for it."""

    async def story() -> None:
        slots: list[Claim] = []
        purse = purse_of(0.0, 0, enter=lambda _: slots.pop() if slots else None)
        (waits,), _ = await waiting(purse, "waits")
        slots.append(claim := slot())
        assert await waits is claim

    run(story())


def test_those_who_wait_are_seen_in_the_queue_s_room() -> None:
    """As audio that waits, until they leave."""

    async def story() -> None:
        room = Room(1e6)
        purse = purse_of(0.0, 0, room=room)
        tasks, _ = await waiting(purse, "one", "two")
        assert room.audio_s == 10.0
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        assert room.audio_s == 5.0
        purse.close()
        await asyncio.wait(tasks)
        assert room.audio_s == 0.0

    run(story())


def test_the_higher_class_is_paid_first() -> None:
    """Whoever came before it."""

    async def story() -> None:
        purse = purse_of(1.0, 0)
        tasks, answered = await waiting(purse, "batch", "interactive", "live")
        for _ in tasks:
            purse.earn()
            await asyncio.sleep(0)
        assert answered == ["live", "interactive", "batch"]

    run(story())


def test_what_can_be_paid_is_paid_at_once() -> None:
    """And the next one waits."""

    async def story() -> None:
        purse = purse_of(1.0, 1)
        assert await purse.pay(failed()) is None
        (waits,), _ = await waiting(purse, "second")
        assert (waits.done(), len(purse)) == (False, 1)
        purse.earn()
        assert await waits is None

    run(story())


def test_they_are_paid_in_the_order_of_their_coming() -> None:
    """One per success here; whoever comes later waits behind them, though there may be something left."""

    async def story() -> None:
        purse = purse_of(1.0, 0)
        tasks, answered = await waiting(purse, "a", "b", "c")
        for count in (1, 2, 3):
            purse.earn()
            await asyncio.sleep(0)
            assert answered == ["a", "b", "c"][:count]
        assert await asyncio.gather(*tasks) == [None] * 3

    run(story())


def test_time_alone_pays_too() -> None:
    """The floor comes back by itself, so a fleet in which nothing succeeds is still tried, slowly."""

    async def story() -> None:
        clock = FakeClock()
        purse = purse_of(0.0, 1, clock=clock)
        assert await purse.pay(failed()) is None
        (waits,), _ = await waiting(purse, "next")
        clock.advance(11.0)
        assert await waits is None

    run(story())


def test_waiting_has_an_end() -> None:
    """By the clock."""

    async def story() -> None:
        clock = FakeClock()
        purse = purse_of(0.0, 0, clock=clock)
        (waits,), _ = await waiting(purse, "too late", until=5.0)
        clock.advance(5.0)
        with pytest.raises(TimeoutError):
            await waits
        assert len(purse) == 0

    run(story())


def test_who_left_is_not_paid_for() -> None:
    """The next one is."""

    async def story() -> None:
        purse = purse_of(1.0, 0)
        (leaves, stays), _ = await waiting(purse, "leaves", "stays")
        leaves.cancel()
        await asyncio.wait([leaves])
        purse.earn()
        assert await stays is None

    run(story())


def test_a_closed_purse_sends_everybody_away() -> None:
    """Those who wait and those who come; and its timer is gone."""

    async def story() -> None:
        purse = purse_of(0.0, 0)
        (waits,), _ = await waiting(purse, "waits")
        purse.close()
        with pytest.raises(Draining):
            await waits
        with pytest.raises(Draining):
            await purse.pay(failed())
        assert (len(purse), purse._timer) == (0, None)

    run(story())
