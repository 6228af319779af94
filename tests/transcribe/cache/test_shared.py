"""Two gateways with one store."""

from __future__ import annotations

import asyncio

from harken.clock import SystemClock
from harken.testing import FakeClock
from harken.transcribe.cache.shared import WAIT_S, turn
from harken.types import Priority, Requester
from tests.transcribe.cache.askers import DictStore, GatedRecognizer, ask, cached, settle

INTERACTIVE = Requester()


def test_two_gateways_recognise_once() -> None:
    """The second waits for the first's answer, also if both were asked at the same moment."""

    async def scene() -> None:
        under, store = GatedRecognizer(), DictStore()
        clock = FakeClock()
        async with cached(under, shared=store, clock=clock) as one, cached(under, shared=store, clock=clock) as other:
            asking = [ask(gateway) for gateway in (one, other) for _ in range(5)]
            await settle()
            under.gate.set()
            answers = await asyncio.gather(*asking)
            assert len({answer.instance for answer in answers}) == 1
            assert sum(not answer.is_cached for answer in answers) == 1
            await settle()
        assert len(under.asked) == 1
        assert not store.marks

    asyncio.run(scene())


def test_what_one_gateway_kept_another_finds() -> None:
    """And keeps in its own memory."""

    async def scene() -> None:
        under, store = GatedRecognizer(), DictStore()
        under.gate.set()
        async with cached(under, shared=store) as one:
            first = await ask(one)
        async with cached(under, shared=store) as other:
            second = await ask(other)
            reads = store.reads
            assert await ask(other) == second == first
            assert store.reads == reads
        assert len(under.asked) == 1

    asyncio.run(scene())


def test_a_poisoned_value_is_recognised_anew_and_replaced() -> None:
    """Whoever can write to the store cannot make us say anything, nor fail."""

    async def scene() -> None:
        under, store = GatedRecognizer(), DictStore()
        under.gate.set()
        async with cached(under, shared=store) as one:
            await ask(one)
        (key,) = store.values
        good = store.values[key]
        for poison in (b"", b"x", good[:-1], b"\x00" * 1000, good[:20] + b"!" + good[21:]):
            store.values[key] = poison
            async with cached(under, shared=store) as other:
                assert (await ask(other)).text == "one two"
                await settle()
            assert store.values[key] != poison
        assert not store.marks

    asyncio.run(scene())


def test_a_failed_recognition_gives_its_turn_back() -> None:
    """And so does one that everybody left."""

    async def scene() -> None:
        under, store = GatedRecognizer(), DictStore()
        async with cached(under, shared=store) as cache:
            asking = ask(cache)
            await settle()
            assert store.marks
            asking.cancel()
            await settle()
            assert not store.marks

    asyncio.run(scene())


def test_a_turn_lasts_as_long_as_it_is_worked_on() -> None:
    """Its mark is renewed until the block is left, and then no more."""

    async def scene() -> None:
        store = DictStore()
        async with turn(store, b"k", INTERACTIVE, clock=FakeClock(), renew_s=0.001) as value:
            assert value is None
            async with asyncio.timeout(10):
                while len(store.renewed) < 3:
                    await asyncio.sleep(0.001)
            assert set(store.renewed) == {store.marks[b"k"]}
        assert not store.marks
        renewed = len(store.renewed)
        await asyncio.sleep(0.01)
        assert len(store.renewed) == renewed

    asyncio.run(scene())


def test_nobody_waits_for_another_gateway_longer_than_that() -> None:
    """It cost seconds, and the answer comes all the same."""

    async def scene() -> None:
        store, clock = DictStore(), FakeClock()
        store.marks[b"k"] = "interactive:dead"
        waited = 0.0

        async def sleep(seconds: float) -> None:
            nonlocal waited
            waited += seconds
            clock.advance(seconds)

        async with turn(store, b"k", INTERACTIVE, clock=clock, sleep=sleep) as value:
            assert value is None
        assert WAIT_S <= waited < WAIT_S + 1
        hurried = Requester(deadline=clock.now() + 4.0)
        waited = 0.0
        async with turn(store, b"k", hurried, clock=clock, sleep=sleep) as value:
            assert value is None
        assert 2.0 <= waited < 2.5
        assert store.marks == {b"k": "interactive:dead"}

    asyncio.run(scene())


def test_nobody_waits_for_a_class_below() -> None:
    """A job on another gateway may stand in its queue for long."""

    async def no_sleep(seconds: float) -> None:
        raise AssertionError("nobody should wait here")

    async def scene() -> None:
        store = DictStore()
        store.marks[b"k"] = "batch:other"
        async with turn(store, b"k", INTERACTIVE, clock=SystemClock(), sleep=no_sleep) as value:
            assert value is None
        store.marks[b"k"] = "live:other"
        live = Requester(priority=Priority.LIVE)
        async with turn(store, b"k", live, clock=SystemClock(), sleep=no_sleep) as value:
            assert value is None

    asyncio.run(scene())
