"""Rules of harken.engine.with_words: a real engine with a fake network, and a fake aligner beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harken.engine.aligning import Aligning
from harken.engine.engine import Engine
from harken.engine.stub import StubEngine
from harken.engine.stub_options import StubOptions
from harken.engine.with_words import WithWords
from harken.errors import Draining, EngineFailed, NoWordTimes, QueueFull
from harken.testing import FakeAligner, FakeModel, Gate, fake_text, fake_words, segment, silence
from harken.types import Options, Segment, Transcript

_WORDS = Options(wants_words=True)


@asynccontextmanager
async def _house(
    aligner: FakeAligner, model: FakeModel | None = None, *, room: int = 100, drain_timeout_s: float = 20.0
) -> AsyncIterator[WithWords]:
    """Engine and aligner, whose invariants are checked on the way out."""
    engine = Engine(model or FakeModel(), slots=4, waiting=96, drain_timeout_s=drain_timeout_s, is_strict=True)
    house = WithWords(engine, Aligning(aligner, drain_timeout_s=drain_timeout_s), room=room)
    async with house:
        yield house
    assert house.in_flight == 0
    assert house.in_flight_audio_s == 0.0
    assert house._wanting == 0


def _recognise(house: WithWords, one: Segment, options: Options = _WORDS) -> asyncio.Task[Transcript]:
    return asyncio.create_task(house.recognize(one, options))


async def _reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def _stands(gate: Gate) -> None:
    await asyncio.to_thread(gate.wait_until_used_up)


def test_progress_is_told_by_whoever_has_the_segment() -> None:
    """The engine first, the aligner while it has it, nobody afterwards."""
    aligner, spoken = FakeAligner(gate=Gate()), segment(2)

    async def main() -> None:
        async with _house(aligner) as house:
            asked = _recognise(house, spoken)
            assert aligner.gate is not None
            await _stands(aligner.gate)
            assert house._engine.progress(spoken) == 0
            assert house.progress(spoken) > 0
            aligner.gate.open()
            await asked
            assert house.progress(spoken) == 0

    asyncio.run(main())


def test_words_come_only_to_those_who_ask() -> None:
    """With the text of the engine, unchanged; for others the aligner does nothing."""
    aligner = FakeAligner()

    async def main() -> None:
        async with _house(aligner) as house:
            plain = await house.recognize(segment(2), Options())
            assert plain.words is None
            assert aligner.batches == []
            timed = await house.recognize(segment(2), _WORDS)
            assert timed.text == plain.text == fake_text(segment(2).samples)
            assert timed.words == fake_words(timed.text, 2.0)
            assert (await house.model()).aligner == aligner.info

    asyncio.run(main())


def test_silence_has_no_words() -> None:
    """And costs the aligner nothing."""
    aligner = FakeAligner()

    async def main() -> None:
        async with _house(aligner) as house:
            quiet = await house.recognize(Segment(samples=silence(2), request_id="r"), _WORDS)
            assert (quiet.text, quiet.words) == ("", ())
        assert aligner.batches == []

    asyncio.run(main())


def test_the_text_streams_and_the_words_follow() -> None:
    """Nobody waits for times to read text."""
    aligner, sent = FakeAligner(gate=Gate()), list[str]()

    async def main() -> None:
        assert aligner.gate is not None
        async with _house(aligner) as house:
            running = asyncio.create_task(house.recognize(segment(2), _WORDS, sent.append))
            await _stands(aligner.gate)
            assert "".join(sent) == fake_text(segment(2).samples)
            assert not running.done()
            aligner.gate.open()
            assert (await running).words

    asyncio.run(main())


def test_a_segment_is_in_flight_until_its_words_are_timed() -> None:
    """Draining waits for it, and nothing new comes in meanwhile."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _house(aligner) as house:
            running = _recognise(house, segment(2))
            await _stands(aligner.gate)
            assert (house.in_flight, house.in_flight_audio_s) == (1, 2.0)
            assert not await house.drain(0.01)
            with pytest.raises(Draining):
                await house.recognize(segment(2), _WORDS)
            aligner.gate.open()
            assert await house.drain(20)
            assert running.done()
            assert running.result().words

    asyncio.run(main())


def test_leaving_finishes_what_was_accepted_in_both_rooms() -> None:
    """What is still being recognised gets its words, too."""
    model = FakeModel(gate=Gate())

    async def main() -> None:
        assert model.gate is not None
        async with _house(FakeAligner(), model) as house:
            running = [_recognise(house, segment(2, request_id=str(number))) for number in range(6)]
            await _reached(lambda: house.in_flight == 6)
            asyncio.get_running_loop().call_later(0.02, model.gate.open)
        assert all([(await each).words for each in running])

    asyncio.run(main())


@pytest.mark.parametrize("language", ["Arabic", "German"])
def test_a_forced_language_that_the_aligner_does_not_know_is_refused(language: str) -> None:
    """Before anything is spent on it; the message lists those that it knows."""

    async def main() -> None:
        async with _house(FakeAligner()) as house:
            with pytest.raises(NoWordTimes, match=rf"{language}.*Chinese, English"):
                await house.recognize(segment(2), Options(wants_words=True, language=language))
            assert (await house.recognize(segment(2), Options(language=language))).words is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("language", "has_words"),
    [("English", True), ("", True), ("Chinese,English", True), ("Arabic", False), ("English,Arabic", False)],
)
def test_a_detected_language_that_the_aligner_does_not_know_gives_no_words(language: str, has_words: bool) -> None:
    """In the middle of a recording that is no reason to fail, nor to invent times; several languages must all do."""

    async def main() -> None:
        async with _house(FakeAligner(), FakeModel(language=language)) as house:
            found = await house.recognize(segment(2), _WORDS)
            assert found.language == language
            assert found.words == (fake_words(found.text, 2.0) if has_words else ())

    asyncio.run(main())


def test_segments_that_want_words_are_bounded_when_they_come() -> None:
    """However slow the aligner is: none that is recognised already is refused, and others are not held up."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _house(aligner, room=2) as house:
            running = [_recognise(house, segment(2, request_id=str(number))) for number in range(2)]
            await _stands(aligner.gate)
            with pytest.raises(QueueFull) as refusal:
                await house.recognize(segment(2), _WORDS)
            assert refusal.value.retry_after_s
            assert (await house.recognize(segment(2), Options())).text
            aligner.gate.open()
            assert all([(await each).words for each in running])

    asyncio.run(main())


def test_one_who_leaves_while_his_words_are_timed_frees_his_place() -> None:
    """As one who leaves while he is recognised."""
    aligner = FakeAligner(gate=Gate())

    async def main() -> None:
        assert aligner.gate is not None
        async with _house(aligner, room=1) as house:
            running = _recognise(house, segment(2))
            await _stands(aligner.gate)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert house.in_flight == 0
            aligner.gate.open()
            assert (await house.recognize(segment(2), _WORDS)).words

    asyncio.run(main())


@pytest.mark.slow
def test_a_failing_aligner_fails_the_segment_by_name() -> None:
    """Another instance may do better; a broken thread makes the whole instance broken."""

    def stop(_: str) -> bool:
        raise SystemExit

    async def main() -> None:
        async with _house(FakeAligner(is_broken_by=lambda _: True)) as house:
            with pytest.raises(EngineFailed, match="aligner failed"):
                await house.recognize(segment(2), _WORDS)
            assert house.failure is None
        async with _house(FakeAligner(is_broken_by=stop)) as house:
            with pytest.raises(EngineFailed):
                await house.recognize(segment(2), _WORDS)
            assert house.failure is not None

    asyncio.run(main())


def test_an_engine_without_an_aligner_refuses_words() -> None:
    """It is never ignored that somebody asked."""

    async def main() -> None:
        async with Engine(FakeModel(), slots=1, waiting=1) as engine:
            with pytest.raises(NoWordTimes):
                await engine.recognize(segment(2), _WORDS)
        async with StubEngine(StubOptions(), slots=1, waiting=1) as stub:
            with pytest.raises(NoWordTimes):
                await stub.recognize(segment(2), _WORDS)

    asyncio.run(main())
