"""The futures around the desk: a claim always has a holder."""

from __future__ import annotations

import asyncio

import pytest

from harken.config import LimitsConfig
from harken.dispatch.attempt import Pending
from harken.dispatch.order.pace import Pace
from harken.dispatch.targets.health import Answered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Claim
from harken.dispatch.targets.vitals import Patience
from harken.dispatch.waiting import WaitingRoom
from harken.errors import DeadlineExceeded, QueueFull
from harken.testing.clock import FakeClock
from harken.types import ANYBODY, ModelInfo, Requester
from tests.dispatch.house import run


def make_room(*, queue_audio_s: float = 100.0) -> tuple[WaitingRoom, Pool, FakeClock]:
    """A room before a pool with a single slot."""
    clock = FakeClock()
    pool = Pool(Patience(), clock=clock, on_change=lambda: room.assign())  # noqa: PLW0108 -- the room needs the pool first
    room = WaitingRoom(limits=LimitsConfig(queue_audio_s=queue_audio_s), pool=pool, pace=Pace(), clock=clock)
    target = pool.add("one", "http://one")
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
    pool.report(target, Answered(state="ready"))
    return room, pool, clock


def pending(audio_s: float = 1.0, requester: Requester = ANYBODY) -> Pending:
    """A segment that asks."""
    return Pending(audio_s=audio_s, requester=requester)


def test_a_caller_that_leaves_while_it_waits_leaves_the_queue() -> None:
    """Its place is gone at once, and the slot goes to the next."""

    async def story() -> None:
        room, pool, _ = make_room()
        first = await room.claim(pending())
        leaver, next_one = (asyncio.create_task(room.claim(pending())) for _ in range(2))
        await asyncio.sleep(0)
        assert len(room) == 2
        leaver.cancel()
        await asyncio.wait([leaver])
        assert len(room) == 1
        first.release()
        (await next_one).release()
        assert pool.in_flight == 0

    run(story())


def test_a_slot_that_is_handed_over_in_the_moment_of_leaving_comes_back() -> None:
    """The claim was made, and nobody is there to hold it."""

    async def story() -> None:
        room, pool, _ = make_room()
        first = await room.claim(pending())
        leaver = asyncio.create_task(room.claim(pending()))
        await asyncio.sleep(0)
        first.release()
        assert pool.in_flight == 1, "it has been handed over"
        leaver.cancel()
        await asyncio.wait([leaver])
        assert pool.in_flight == 0

    run(story())


def test_refusals_reach_the_caller() -> None:
    """At once, or when the ticking notices that its time is over."""

    async def story() -> None:
        room, _, clock = make_room(queue_audio_s=10.0)
        claim: Claim = await room.claim(pending())
        waiting = asyncio.create_task(room.claim(pending(10.0, Requester(deadline=5.0))))
        await asyncio.sleep(0)
        assert isinstance(room.refusal(ANYBODY), QueueFull)
        with pytest.raises(QueueFull):
            await room.claim(pending())
        clock.advance(5.0)
        ticking = asyncio.create_task(room.run())
        with pytest.raises(DeadlineExceeded):
            await waiting
        ticking.cancel()
        await asyncio.wait([ticking])
        assert room.audio_s == 0.0
        claim.release()

    run(story())
