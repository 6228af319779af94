"""A device that is given its next step before the last one was read; and one with less memory than was hoped for."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harken.engine.engine import Engine
from harken.errors import EngineFailed
from harken.testing import FakeModel, Gate, fake_text, segment
from harken.testing.model import FakeCache
from harken.types import Finish, Options, Transcript


@asynccontextmanager
async def _engine(model: FakeModel, *, slots: int = 4) -> AsyncIterator[Engine]:
    """An engine whose slots are accounted for on the way out."""
    engine = Engine(model, slots=slots, waiting=100, name="asr-1", is_strict=True)
    async with engine:
        yield engine
    assert engine.in_flight == 0
    assert not engine._tickets
    assert not engine._thread.is_alive()
    assert engine._scheduler.faults() == []


def _ahead(**fields: object) -> FakeModel:
    return FakeModel(looks_ahead=True, **fields)  # type: ignore[arg-type]


@pytest.mark.slow
def test_texts_are_the_same_as_without() -> None:
    """Many segments with mixed options come and go over three slots, some streamed, some cancelled half way."""
    draw = random.Random(5)
    wanted = [segment(0.5 + draw.random() * 6, seed=seed) for seed in range(40)]
    options = [
        Options(
            language=draw.choice([None, "Chinese"]),
            temperature=draw.choice([0.0, 0.0, 0.4]),
            wants_logprobs=draw.random() < 0.2,
        )
        for _ in wanted
    ]
    leaves = {number for number in range(40) if draw.random() < 0.15}

    async def recognised(model: FakeModel) -> list[Transcript | None]:
        async with _engine(model, slots=3) as engine:

            async def one(number: int) -> Transcript | None:
                pieces: list[str] = []
                try:
                    async with asyncio.timeout(0 if number in leaves else None):
                        found = await engine.recognize(wanted[number], options[number], pieces.append)
                except TimeoutError:
                    return None
                assert "".join(pieces) == found.text
                return found

            return await asyncio.gather(*(one(number) for number in range(40)))

    plain, ahead = (asyncio.run(recognised(model)) for model in (FakeModel(), _ahead()))
    for one, other, each in zip(plain, ahead, wanted, strict=True):
        if one is not None and other is not None:
            assert one == other
            assert one.text == fake_text(each.samples)
    assert sum(each is not None for each in ahead) >= 30


def test_a_step_is_started_before_the_last_one_is_read() -> None:
    """While the first step's token has not been looked at, the second has begun."""
    gate = Gate()
    model = _ahead(gate=gate)

    async def main() -> None:
        async with _engine(model, slots=1) as engine:
            gate.let_through(2)
            running = asyncio.create_task(engine.recognize(segment(1), Options()))
            await asyncio.to_thread(gate.wait_until_used_up)
            assert engine._scheduler.written(next(iter(engine._scheduler._running))) == 1
            gate.open()
            await running

    asyncio.run(main())


def test_the_token_cap_is_kept() -> None:
    """No step is started for a token too many."""

    async def main() -> None:
        model = _ahead(never_stops=True)
        async with _engine(model) as engine:
            found = await engine.recognize(segment(2), Options())
            assert (found.tokens, found.finish) == (32 + 24, Finish.LENGTH)
        assert sum(step.name == "decode" for step in model.steps) == 32 + 24 - 1

    asyncio.run(main())


def test_somebody_who_waits_for_a_free_slot_is_read_before_the_next_step() -> None:
    """Looking ahead never keeps a newcomer out for more than the step that runs."""
    gate = Gate()
    model = _ahead(gate=gate, text=lambda samples: "long " * 8)

    async def main() -> None:
        async with _engine(model) as engine:
            gate.let_through(4)
            first = asyncio.create_task(engine.recognize(segment(8, seed=1), Options()))
            await asyncio.to_thread(gate.wait_until_used_up)
            second = asyncio.create_task(engine.recognize(segment(1, seed=2), Options()))
            async with asyncio.timeout(20):
                while engine._inbox.qsize() != 1:
                    await asyncio.sleep(0.001)
            gate.open()
            await asyncio.gather(first, second)
        names = [step.name for step in model.steps]
        assert names.index("prefill", 1) <= 6

    asyncio.run(main())


@pytest.mark.slow
def test_a_failing_step_costs_its_batch_and_not_the_engine() -> None:
    """Both segments of the batch are failed by name, once; the next is recognised."""

    async def main() -> None:
        model = _ahead()
        async with _engine(model) as engine:
            model.failing_once.add("decode")
            both = await asyncio.gather(
                *(engine.recognize(segment(1, seed=seed), Options()) for seed in range(2)), return_exceptions=True
            )
            assert all(isinstance(each, EngineFailed) for each in both) or any(
                isinstance(each, EngineFailed) for each in both
            )
            wanted = segment(2, seed=3)
            assert (await engine.recognize(wanted, Options())).text == fake_text(wanted.samples)

    asyncio.run(main())


@pytest.mark.parametrize("looks_ahead", [False, True])
def test_less_memory_means_fewer_slots(looks_ahead: bool) -> None:
    """The cache is opened for as many as fit, and the instance says how many these are."""

    async def main() -> None:
        model = FakeModel(most_slots=7, looks_ahead=looks_ahead)
        async with _engine(model, slots=16) as engine:
            assert (await engine.model()).slots == 6
            segments = [segment(1, seed=seed) for seed in range(12)]
            found = await asyncio.gather(*(engine.recognize(each, Options()) for each in segments))
            assert [each.text for each in found] == [fake_text(each.samples) for each in segments]
        assert max(len(step.slots) for step in model.steps) <= 6

    asyncio.run(main())


@pytest.mark.parametrize("looks_ahead", [False, True])
def test_a_prefill_without_memory_is_made_again_in_smaller_parts(looks_ahead: bool) -> None:
    """Nobody is failed, nobody is lost, and no more is tried at once from then on."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(most_prompt_tokens=60, gate=gate, looks_ahead=looks_ahead)
        async with _engine(model, slots=8) as engine:
            segments = [segment(1, seed=seed) for seed in range(9)]
            running = [asyncio.create_task(engine.recognize(each, Options())) for each in segments]
            await asyncio.to_thread(gate.wait_until_used_up)
            async with asyncio.timeout(20):
                while len(engine._tickets) != 9:
                    await asyncio.sleep(0.001)
            gate.open()
            found = await asyncio.gather(*running)
            assert [each.text for each in found] == [fake_text(each.samples) for each in segments]

    asyncio.run(main())


def test_a_segment_that_is_too_much_alone_fails_alone() -> None:
    """There is nothing left to wait for."""

    async def main() -> None:
        model = FakeModel(most_prompt_tokens=60)
        async with _engine(model) as engine:
            with pytest.raises(EngineFailed, match="MemoryError"):
                await engine.recognize(segment(10), Options())
            assert (await engine.recognize(segment(1), Options())).text

    asyncio.run(main())


class _Kept(FakeCache):
    """A cache whose end can be seen."""


class _OneCache(FakeModel):
    """A model of a device that has room for one cache, whose failing calls hold on to it like any Python call."""

    def open_cache(self, *, slots: int, max_tokens: int) -> FakeCache:
        """See `FakeModel`; the old one must be gone."""
        assert all(old() is None for old in self.made), "two caches at the same time"
        plain = super().open_cache(slots=slots, max_tokens=max_tokens)
        cache = _Kept(max_tokens=max_tokens, answers=plain.answers, lengths=plain.lengths, written=plain.written)
        self.made.append(weakref.ref(cache))
        return cache

    made: list[weakref.ref[_Kept]] = []  # noqa: RUF012 - each test has one such model


def test_after_a_failure_the_old_cache_is_gone_before_the_new_one_is_made() -> None:
    """Also what the failed call's own frames held of it."""

    async def main() -> None:
        model = _OneCache()
        async with _engine(model) as engine:
            model.failing_once.add("prefill")
            with pytest.raises(EngineFailed):
                await engine.recognize(segment(1), Options())
            assert (await engine.recognize(segment(1, seed=1), Options())).text
        assert model.caches == 2

    asyncio.run(main())
