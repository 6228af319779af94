"""Rules of harken.engine.stub."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from harken.config import InstanceConfig
from harken.engine.canary import Canary
from harken.engine.load import load
from harken.engine.stub import StubEngine, stub_text
from harken.engine.stub_options import StubOptions, parse_stub
from harken.errors import AudioTooLong, CanaryFailed, Draining, EngineFailed, QueueFull
from harken.testing import FakeClock, segment
from harken.types import Finish, Options

_ANY = Options()


def _stub(spec: str = "stub:rtfx=10000", *, slots: int = 4, waiting: int = 100) -> StubEngine:
    return StubEngine(parse_stub(spec), slots=slots, waiting=waiting, name="asr-1")


def test_the_text_belongs_to_the_samples() -> None:
    """The same for the same samples, another for others, piece by piece if wanted; the language as forced."""

    async def main() -> None:
        async with _stub() as engine:
            pieces: list[str] = []
            first = await engine.recognize(segment(1, seed=1), _ANY, pieces.append)
            again = await engine.recognize(segment(1, seed=1), Options(language="Chinese"))
            other = await engine.recognize(segment(1, seed=2), _ANY)
            assert first.text == again.text == stub_text(segment(1, seed=1)) == "".join(pieces)
            assert len(pieces) == 3
            assert other.text != first.text
            assert (first.language, again.language) == ("English", "Chinese")
            assert (first.instance, first.audio_s) == ("asr-1", 1.0)
        assert engine.in_flight == 0

    asyncio.run(main())


def test_a_loop_is_streamed_and_reported() -> None:
    """All pieces are together the text, as far as it went; another penalty cures it."""

    async def main() -> None:
        async with _stub("stub:rtfx=10000,loop_until_penalty=1") as engine:
            pieces: list[str] = []
            looping = await engine.recognize(segment(1), _ANY, pieces.append)
            assert (looping.finish, "".join(pieces)) == (Finish.LOOP, looping.text)
            cured = await engine.recognize(segment(1), Options(repetition_penalty=1.2))
            assert (cured.finish, cured.text) == (Finish.STOP, stub_text(segment(1)))

    asyncio.run(main())


def test_it_says_how_sure_it_is_when_it_is_asked() -> None:
    """Not otherwise; and nothing about the header where the language was forced."""

    async def main() -> None:
        async with _stub() as engine:
            plain = await engine.recognize(segment(1), _ANY)
            assert (plain.logprobs, plain.avg_logprob, plain.no_speech_prob) == (None, None, None)
            sure = await engine.recognize(segment(1), Options(wants_logprobs=True, temperature=0.7))
            assert sure.text == plain.text == "".join(token.token for token in sure.logprobs or ())
            assert sure.avg_logprob is not None
            assert sure.no_speech_prob is not None
            forced = await engine.recognize(segment(1), Options(wants_logprobs=True, language="Thai"))
            assert forced.no_speech_prob is None

    asyncio.run(main())


def test_it_takes_the_time_that_its_speed_says() -> None:
    """Ten seconds at real time are not done after nine, by its clock; after ten they are."""

    async def main() -> None:
        clock = FakeClock()
        engine = StubEngine(StubOptions(rtfx=1), slots=1, waiting=1, clock=clock)
        async with engine:
            task = asyncio.create_task(engine.recognize(segment(10), _ANY))
            await asyncio.sleep(0)
            clock.advance(9)
            engine._look()
            await asyncio.sleep(0)
            assert not task.done()
            clock.advance(1)
            engine._look()
            assert (await task).text

    asyncio.run(main())


def test_no_more_run_than_there_are_slots() -> None:
    """The rest wait in order."""

    async def main() -> None:
        async with _stub("stub", slots=2) as engine:
            tasks = [asyncio.create_task(engine.recognize(segment(0.5, seed=i), _ANY)) for i in range(6)]
            await asyncio.sleep(0)
            assert (len(engine._running), len(engine._waiting), engine.in_flight) == (2, 4, 6)
            await asyncio.gather(*tasks)

    asyncio.run(main())


def test_it_refuses_what_a_real_engine_refuses() -> None:
    """Too long, too many, too late."""

    async def main() -> None:
        async with _stub("stub:max_segment_s=2", slots=1, waiting=0) as engine:
            with pytest.raises(AudioTooLong):
                await engine.recognize(segment(3), _ANY)
            task = asyncio.create_task(engine.recognize(segment(1), _ANY))
            await asyncio.sleep(0)
            with pytest.raises(QueueFull):
                await engine.recognize(segment(1), _ANY)
            assert await engine.drain(20)
            assert task.done()
            with pytest.raises(Draining):
                await engine.recognize(segment(1), _ANY)

    asyncio.run(main())


def test_each_second_one_can_fail() -> None:
    """So that retries have something to do; the others are right, and the canary does not count."""

    async def main() -> None:
        loaded = load(InstanceConfig(model="stub:rtfx=10000,fail_every=2"))
        async with loaded.engine as engine:
            await loaded.canary.check(engine)
            assert (await engine.recognize(segment(1), _ANY)).text
            with pytest.raises(EngineFailed):
                await engine.recognize(segment(1), _ANY)
            await loaded.canary.check(engine)
            assert (await engine.recognize(segment(1), _ANY)).text

    asyncio.run(main())


def test_one_can_hang_until_it_is_cancelled() -> None:
    """It holds its slot meanwhile, and gives it back."""

    async def main() -> None:
        async with _stub("stub:rtfx=10000,hang_on=1", slots=1) as engine:
            hanging = asyncio.create_task(engine.recognize(segment(1), _ANY))
            behind = asyncio.create_task(engine.recognize(segment(1), _ANY))
            await asyncio.sleep(0.02)
            assert not behind.done()
            hanging.cancel()
            assert (await behind).text

    asyncio.run(main())


def test_progress_tells_a_slow_one_from_a_stuck_one() -> None:
    """Work counts, also where no word is finished yet; one that hangs has begun, and one that waits has not."""

    async def main() -> None:
        clock, stuck, slow, waits = FakeClock(), segment(1, seed=1), segment(30, seed=2), segment(1, seed=3)
        options = parse_stub("stub:rtfx=0.1,hang_on=1")
        async with StubEngine(options, slots=2, waiting=9, drain_timeout_s=0.01, clock=clock) as engine:
            tasks = [asyncio.create_task(engine.recognize(one, _ANY)) for one in (stuck, slow, waits)]
            await asyncio.sleep(0)
            before = [engine.progress(one) for one in (stuck, slow, waits)]
            clock.advance(1)
            after = [engine.progress(one) for one in (stuck, slow, waits)]
        assert before == [1, 2, 0]
        assert after == [1, 102, 0]
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_it_can_unlearn_its_canary() -> None:
    """After so many times it is wrong, and so is everything else from then on."""

    async def main() -> None:
        engine = _stub("stub:rtfx=10000,wrong_after=2")
        canary = Canary(samples=segment(1).samples, text=stub_text(segment(1)))
        async with engine:
            for _ in range(2):
                await canary.check(engine)
                assert (await engine.recognize(segment(2), _ANY)).text == stub_text(segment(2))
            with pytest.raises(CanaryFailed):
                await canary.check(engine)
            assert (await engine.recognize(segment(2), _ANY)).text != stub_text(segment(2))

    asyncio.run(main())


def test_leaving_with_a_hanging_one_fails_it() -> None:
    """Draining ends after its timeout."""

    async def main() -> None:
        engine = StubEngine(parse_stub("stub:hang_on=1"), slots=1, waiting=0, drain_timeout_s=0.02)
        async with engine:
            task = asyncio.create_task(engine.recognize(segment(1), _ANY))
            await asyncio.sleep(0)
        with pytest.raises(Draining):
            await task

    asyncio.run(main())


def test_its_canary_is_known_and_can_be_wrong() -> None:
    """As an instance needs it to become ready, or to refuse to."""

    async def main() -> None:
        loaded = load(InstanceConfig(model="stub:rtfx=10000"))
        async with loaded.engine as engine:
            await loaded.canary.check(engine)
        loaded = load(InstanceConfig(model="stub:rtfx=10000,wrong_canary=1"))
        async with loaded.engine as engine:
            with pytest.raises(CanaryFailed, match="wrong stub"):
                await loaded.canary.check(engine)

    asyncio.run(main())


def test_a_caller_whose_send_fails_hears_his_own_error() -> None:
    """And the slot is free again."""

    async def main() -> None:
        async with _stub(slots=1) as engine:

            def send(piece: str) -> None:
                raise ZeroDivisionError(piece)

            with pytest.raises(ZeroDivisionError):
                await engine.recognize(segment(1), _ANY, send)
            assert (await engine.recognize(segment(1), _ANY)).text

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize(("options", "code"), [("exit_at_start=3", 3), ("exit_on=2", 1)])
def test_it_can_take_its_process_down(options: str, code: int) -> None:
    """At the start with the code that was asked for, or in the middle of work like a crash; and without torch."""
    program = f"""
import asyncio, sys
from harken.config import InstanceConfig
from harken.engine.load import load
from harken.testing import segment
from harken.types import Finish, Options

async def main():
    loaded = load(InstanceConfig(model="stub:rtfx=10000,{options}"))
    async with loaded.engine as engine:
        await loaded.canary.check(engine)
        await engine.recognize(segment(1), Options())
        assert "torch" not in sys.modules
        print("one", flush=True)
        await engine.recognize(segment(1), Options())

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == ("one\n" if "exit_on" in options else "")
