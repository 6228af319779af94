"""Rules of harken.engine.aligning and its thread, with a fake aligner behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harken.engine.aligning import Aligning
from harken.errors import Draining, EngineFailed
from harken.testing import FakeAligner, FakeClock, Gate, fake_words, segment
from harken.types import Word


@asynccontextmanager
async def _aligning(aligner: FakeAligner, *, drain_timeout_s: float = 20.0) -> AsyncIterator[Aligning]:
    """An aligner whose invariants are checked on the way out: nothing in flight, thread gone."""
    aligning = Aligning(aligner, name="asr-1", drain_timeout_s=drain_timeout_s)
    async with aligning:
        yield aligning
    assert aligning.in_flight == 0
    assert aligning.in_flight_audio_s == 0.0
    assert not aligning._thread.is_alive()


def _ask(aligning: Aligning, text: str, seconds: float = 2.0) -> asyncio.Task[tuple[Word, ...]]:
    return asyncio.create_task(aligning.words(segment(seconds), text, "English"))


async def _reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def _stands(gate: Gate) -> None:
    await asyncio.to_thread(gate.wait_until_used_up)


def test_a_text_becomes_words() -> None:
    """Those of its own segment; without a word in it, none."""

    async def main() -> None:
        async with _aligning(FakeAligner()) as aligning:
            assert await aligning.words(segment(2), "one two", "English") == fake_words("one two", 2.0)
            assert await aligning.words(segment(2), " ", "English") == ()

    asyncio.run(main())


def test_what_waits_is_aligned_together_and_in_order() -> None:
    """The first goes alone, since nobody waits for company; the others wait meanwhile and share passes of eight."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _aligning(aligner) as aligning:
            asks = [_ask(aligning, "first")]
            await _stands(aligner.gate)
            asks += [_ask(aligning, f"text {number}") for number in range(10)]
            await _reached(lambda: aligning.in_flight == 11)
            assert aligning.in_flight_audio_s == 22.0
            aligner.gate.open()
            found = await asyncio.gather(*asks)
            assert found[3] == fake_words("text 2", 2.0)
        texts = [f"text {number}" for number in range(10)]
        assert aligner.batches == [["first"], texts[:8], texts[8:]]

    asyncio.run(main())


def test_one_who_left_is_not_aligned() -> None:
    """Before his batch began; and his leaving disturbs nobody."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _aligning(aligner) as aligning:
            first = _ask(aligning, "first")
            await _stands(aligner.gate)
            left, kept = _ask(aligning, "left"), _ask(aligning, "kept")
            await _reached(lambda: aligning.in_flight == 3)
            left.cancel()
            first.cancel()
            await _reached(lambda: aligning.in_flight == 1)
            aligner.gate.open()
            assert await kept == fake_words("kept", 2.0)
        assert aligner.batches == [["first"], ["kept"]]

    asyncio.run(main())


@pytest.mark.slow
def test_a_segment_that_breaks_a_pass_costs_no_other_its_words() -> None:
    """The others are aligned again, each alone; it fails by name."""
    aligner = FakeAligner(gate=Gate(), is_broken_by=lambda text: "bad" in text, is_unreadable=lambda text: text == "?")

    async def main() -> None:
        assert aligner.gate is not None
        async with _aligning(aligner) as aligning:
            asks = [_ask(aligning, "first")]
            await _stands(aligner.gate)
            asks += [_ask(aligning, text) for text in ("good", "bad one", "?", "fine")]
            await _reached(lambda: aligning.in_flight == 5)
            aligner.gate.open()
            found = await asyncio.gather(*asks, return_exceptions=True)
            assert [isinstance(each, EngineFailed) for each in found] == [False, False, True, True, False]
            assert found[1] == fake_words("good", 2.0)
            assert aligning.failure is None
            assert await aligning.words(segment(2), "after", "English") == fake_words("after", 2.0)

    asyncio.run(main())


def test_leaving_waits_for_what_is_being_aligned() -> None:
    """It is accepted, so it is finished."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _aligning(aligner) as aligning:
            ask = _ask(aligning, "one")
            await _stands(aligner.gate)
            assert not await aligning.drain(0.01)
            aligner.gate.open()
        assert await ask == fake_words("one", 2.0)
        with pytest.raises(Draining):
            await aligning.words(segment(2), "late", "English")

    asyncio.run(main())


def test_what_is_not_done_when_time_is_up_ends_by_name() -> None:
    """Nobody waits for ever for a server that has left."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        aligning = Aligning(aligner, drain_timeout_s=0.01)
        async with aligning:
            ask = _ask(aligning, "one")
            await _stands(aligner.gate)
            asyncio.get_running_loop().call_later(0.05, aligner.gate.open)
        with pytest.raises(Draining):
            await ask
        assert not aligning._thread.is_alive()

    asyncio.run(main())


@pytest.mark.slow
def test_a_thread_that_cannot_go_on_says_so() -> None:
    """All who wait hear it, and all who come later; the instance will be replaced."""

    def stop(text: str) -> bool:
        raise SystemExit(f"{text} was too much")

    async def main() -> None:
        async with _aligning(FakeAligner(is_broken_by=stop)) as aligning:
            with pytest.raises(EngineFailed, match="too much"):
                await aligning.words(segment(2), "one", "English")
            assert aligning.failure is not None
            with pytest.raises(EngineFailed, match="cannot go on"):
                await aligning.words(segment(2), "two", "English")

    asyncio.run(main())


def test_a_pass_that_never_ends_is_noticed() -> None:
    """By time that passes, not by the thread, which cannot say so."""
    aligner, clock = FakeAligner(gate=Gate()), FakeClock()

    async def main() -> None:
        assert aligner.gate is not None
        aligning = Aligning(aligner, clock=clock, hang_s=60)
        async with aligning:
            ask = _ask(aligning, "one")
            await _stands(aligner.gate)
            clock.advance(63)
            assert aligning.step_s == 63
            assert aligning.failure is None
            assert aligning.progress(segment(2)) == 0
            clock.advance(2)
            with pytest.raises(EngineFailed, match="hangs"):
                await ask
            assert aligning.failure is not None
        aligner.gate.open()
        await asyncio.to_thread(aligning._thread.join, 20)

    asyncio.run(main())
