"""Rules of harken.engine.engine and its thread, with a fake network behind them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from harken.choice import NO_TOKEN, Choice, Chosen
from harken.engine.canary import REQUEST_ID
from harken.engine.engine import Engine
from harken.engine.messages import Opened
from harken.errors import AudioTooLong, Draining, EngineFailed, QueueFull, UnsupportedOption
from harken.events import Event, Span, Stage
from harken.testing import FakeClock, FakeModel, Gate, fake_text, segment, silence
from harken.testing.model import FakeCache
from harken.trace import new_trace
from harken.types import Figures, Finish, Options, Requester, Segment, Transcript

_ANY = Options()


@asynccontextmanager
async def _engine(
    model: FakeModel, *, slots: int = 4, waiting: int = 100, drain_timeout_s: float = 20.0
) -> AsyncIterator[Engine]:
    """An engine whose invariants are checked on the way out: nothing in flight, slots returned, thread gone."""
    engine = Engine(model, slots=slots, waiting=waiting, name="asr-1", drain_timeout_s=drain_timeout_s, is_strict=True)
    async with engine:
        yield engine
    await asyncio.sleep(0)
    assert engine.in_flight == 0
    assert engine.in_flight_audio_s == 0.0
    assert not engine._tickets
    assert not engine._thread.is_alive()
    assert engine._scheduler.faults() == []


def _in_background(awaitable: Awaitable[Transcript]) -> asyncio.Task[Transcript]:
    async def wait() -> Transcript:
        return await awaitable

    return asyncio.create_task(wait())


async def _reached(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until a condition holds; the test's own timeout bounds it."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def _stands(gate: Gate) -> None:
    await asyncio.to_thread(gate.wait_until_used_up)


def test_a_segment_becomes_a_transcript() -> None:
    """Text, language, length, tokens, end and instance are all there."""

    async def main() -> None:
        async with _engine(FakeModel()) as engine:
            wanted = segment(1.5)
            transcript = await engine.recognize(wanted, _ANY)
            text = fake_text(wanted.samples)
            assert transcript == Transcript(
                text=text,
                language="English",
                audio_s=1.5,
                tokens=len(b"language English") + 1 + len(text.encode()),
                finish=Finish.STOP,
                instance="asr-1",
            )
            assert (await engine.model()).slots == 4

    asyncio.run(main())


def test_the_stages_of_a_segment_are_told_in_order_and_the_canarys_are_not() -> None:
    """Wait, prefill, generate: each begins where the one before ended; and the engine's counts have grown."""
    told: list[Event] = []

    async def main() -> Figures:
        async with _engine(FakeModel()) as engine:
            engine.listen(told.append)
            await engine.recognize(dataclasses.replace(segment(2.0), requester=Requester(trace=new_trace())), _ANY)
            await engine.recognize(segment(1.0, request_id=REQUEST_ID), _ANY)
            return engine.figures

    figures = asyncio.run(main())
    spans = [event for event in told if isinstance(event, Span)]
    assert [span.stage for span in spans] == [Stage.WAIT, Stage.PREFILL, Stage.GENERATE]
    wait, prefill, generate = spans
    assert wait.began <= wait.ended == prefill.began <= prefill.ended == generate.began <= generate.ended
    assert generate.tokens > 0
    assert len({span.trace.span_id for span in spans if span.trace}) == 3
    assert {span.target for span in spans} == {"asr-1"}
    assert (figures.prefills, figures.audio_s) == (2, 3.0)
    assert figures.decodes > 0
    assert figures.tokens > generate.tokens
    assert figures.busy_s > 0


def test_many_at_the_same_time_each_get_their_own_text() -> None:
    """Thirty segments over four slots, of mixed lengths and options."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model) as engine:
            segments = [segment(0.5 + i % 5, seed=i) for i in range(30)]
            options = [Options(language=[None, "Chinese"][i % 2], context="x" * i) for i in range(30)]
            tasks = [_in_background(engine.recognize(*each)) for each in zip(segments, options, strict=True)]
            await _stands(gate)
            await _reached(lambda: len(engine._tickets) == 30)  # all are there, however slowly prompts are built
            gate.open()
            transcripts = await asyncio.gather(*tasks)
            assert [t.text for t in transcripts] == [fake_text(s.samples) for s in segments]
            assert [t.language for t in transcripts] == ["English", "Chinese"] * 15
        assert max(len(step.slots) for step in model.steps) == 4

    asyncio.run(main())


def test_silence_gives_empty_text_and_no_language() -> None:
    """The model says `language None`."""

    async def main() -> None:
        async with _engine(FakeModel()) as engine:
            transcript = await engine.recognize(Segment(samples=silence(2), request_id="r"), _ANY, _never)
            assert (transcript.text, transcript.language) == ("", "")

    asyncio.run(main())


def _never(piece: str) -> None:
    raise AssertionError(f"{piece!r} was sent")


@pytest.mark.parametrize("language", [None, "Chinese"])
def test_the_pieces_sent_are_together_the_text(language: str | None) -> None:
    """With a detected and with a forced language, Chinese characters included, several at the same time."""

    async def main() -> None:
        async with _engine(FakeModel()) as engine:
            heard: list[list[str]] = [[] for _ in range(6)]
            transcripts = await asyncio.gather(
                *(
                    engine.recognize(segment(1, seed=i), Options(language=language), pieces.append)
                    for i, pieces in enumerate(heard)
                )
            )
            assert ["".join(pieces) for pieces in heard] == [t.text for t in transcripts]
            assert all(len(pieces) > 5 for pieces in heard), "they came bit by bit"
            assert all("�" not in piece and "<" not in piece for pieces in heard for piece in pieces)

    asyncio.run(main())


def test_a_segment_joins_and_leaves_while_another_runs() -> None:
    """The second is read between two steps of the first, and ends before it."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate, text=lambda samples: "long " * 6 if len(samples) > 20_000 else "s")
        async with _engine(model) as engine:
            gate.let_through(3)
            first = _in_background(engine.recognize(segment(8, seed=1), _ANY))
            await _stands(gate)
            second = _in_background(engine.recognize(segment(1, seed=2), _ANY))
            await _reached(lambda: engine._inbox.qsize() == 1)
            gate.open()
            assert (await second).text == "s"
            assert (await first).text == ("long " * 6).strip()
        kinds = [step.name for step in model.steps]
        assert kinds.index("prefill", 1) in (4, 5), "it joined at the next step"
        sizes = [len(step.slots) for step in model.steps if step.name == "decode"]
        assert sizes[0] == 1
        assert max(sizes) == 2
        assert sizes[-1] == 1, "the second left first"

    asyncio.run(main())


def test_a_cancelled_segment_frees_its_slot_at_the_next_step() -> None:
    """The one that waited for the only slot gets it, while the cancelled one had hardly begun."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate, text=lambda samples: "endless " * 30 if len(samples) > 20_000 else "s")
        async with _engine(model, slots=1) as engine:
            gate.let_through(4)
            first = _in_background(engine.recognize(segment(30), _ANY))
            await _stands(gate)
            second = _in_background(engine.recognize(segment(1), _ANY))
            await _reached(lambda: engine._inbox.qsize() == 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.open()
            assert (await second).text == "s"
        assert [step.name for step in model.steps].index("prefill", 1) <= 6

    asyncio.run(main())


def test_a_segment_that_waits_can_be_cancelled_too() -> None:
    """It never reaches the model."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model, slots=1) as engine:
            first = _in_background(engine.recognize(segment(1), _ANY))
            await _stands(gate)
            second = _in_background(engine.recognize(segment(1), _ANY))
            await _reached(lambda: engine._inbox.qsize() == 1)
            second.cancel()
            await _reached(lambda: engine.in_flight == 1)
            gate.open()
            await first
        assert [step.name for step in model.steps].count("prefill") == 1

    asyncio.run(main())


def test_reaching_the_token_cap_is_reported() -> None:
    """A model that never stops ends at 32 tokens and 12 for each second, and the transcript says so."""

    async def main() -> None:
        async with _engine(FakeModel(never_stops=True)) as engine:
            pieces: list[str] = []
            transcript = await engine.recognize(segment(2), _ANY, pieces.append)
            assert transcript.finish is Finish.LENGTH
            assert transcript.tokens == 32 + 24
            assert "".join(pieces) == transcript.text
            assert "�" not in transcript.text

    asyncio.run(main())


def test_a_loop_is_stopped_before_the_token_cap_and_not_streamed() -> None:
    """The transcript holds all of it, the pieces only what came before the third round; a penalty cures it."""
    model = FakeModel(text=lambda samples: "one two na ", loops=lambda samples: 3 if samples.any() else 0)
    model.loop_penalty = 1.1

    async def main() -> None:
        async with _engine(model) as engine:
            pieces: list[str] = []
            looping = await engine.recognize(segment(10), _ANY, pieces.append)
            assert looping.finish is Finish.LOOP
            assert looping.tokens == 16 + 8 * 10
            assert looping.text.startswith("one two na na na na na na")
            assert "".join(pieces) == "one two na na n"
            quiet = await engine.recognize(Segment(samples=silence(10), request_id="r"), _ANY)
            assert quiet.finish is Finish.STOP
            cured = await engine.recognize(segment(10), Options(repetition_penalty=1.1))
            assert (cured.text, cured.finish) == ("one two na", Finish.STOP)

    asyncio.run(main())


@pytest.mark.parametrize("garbage", [" ", "\n", " \n", "\u3000"])
def test_endless_white_space_is_a_loop_too(garbage: str) -> None:
    """It would otherwise run on to the cap, and its text is what stands before it."""
    model = FakeModel(text=lambda samples: "one" + garbage, loops=lambda samples: len(garbage.encode()))

    async def main() -> None:
        async with _engine(model) as engine:
            pieces: list[str] = []
            transcript = await engine.recognize(segment(5), _ANY, pieces.append)
            assert (transcript.text, transcript.finish) == ("one", Finish.LOOP)
            assert "".join(pieces) == "one"

    asyncio.run(main())


def test_log_probabilities_are_those_of_the_texts_tokens() -> None:
    """Bytes of split characters included; the header counts for `no_speech_prob`, the end for the mean."""

    async def main() -> None:
        async with _engine(FakeModel(text=lambda samples: "a 片" if samples.any() else "")) as engine:
            options = Options(wants_logprobs=True)
            heard, plain, quiet, forced = await asyncio.gather(
                engine.recognize(segment(1), options),
                engine.recognize(segment(1), _ANY),
                engine.recognize(Segment(samples=silence(1), request_id="r"), options),
                engine.recognize(segment(1), Options(wants_logprobs=True, language="Chinese")),
            )
            header = len(b"language English") + 1
            assert heard.logprobs is not None
            assert [token.token for token in heard.logprobs] == ["a", " ", "�", "�", "�"]
            assert bytes(byte for token in heard.logprobs for byte in token.bytes).decode() == heard.text
            places = range(header + 1, header + 7)
            assert [token.logprob for token in heard.logprobs] == [-place / 64 for place in places[:-1]]
            assert heard.avg_logprob == -sum(places) / 64 / 6
            assert heard.no_speech_prob == 0.5
            assert (plain.text, plain.logprobs, plain.avg_logprob) == (heard.text, None, None)
            assert (quiet.text, quiet.logprobs, quiet.no_speech_prob) == ("", (), 0.5)
            assert forced.no_speech_prob is None
            assert len(forced.logprobs or ()) == 5

    asyncio.run(main())


def test_a_failed_step_fails_what_was_in_it_and_nothing_else() -> None:
    """The ones that wait are recognised afterwards, with a fresh cache."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model, slots=2) as engine:
            gate.let_through(2)
            tasks = [_in_background(engine.recognize(segment(1, seed=i), _ANY)) for i in range(4)]
            await _stands(gate)
            model.failing_once.add("decode")
            gate.open()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            failed = [result for result in results if isinstance(result, EngineFailed)]
            assert len(failed) in (1, 2), "as many as were in the batch"
            assert all(error.retryable and "told to fail" in error.message for error in failed)
            # Which two came first is the prompt threads' business; every other one is recognised as itself.
            for i, result in enumerate(results):
                if not isinstance(result, EngineFailed):
                    assert isinstance(result, Transcript)
                    assert result.text == fake_text(segment(1, seed=i).samples)
            assert engine.failure is None
            assert engine.failures == len(failed)
            assert model.caches == 2

    asyncio.run(main())


class _Overflowing(FakeModel):
    """Its arithmetic overflows at the second token of every segment of two seconds."""

    def decode(
        self,
        cache: FakeCache,
        slots: Sequence[int],
        tokens: Sequence[int],
        lengths: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """See `FakeModel`."""
        chosen = super().decode(cache, slots, tokens, lengths, choices)
        two = fake_text(segment(2).samples)
        bad = [(answer := cache.answers[slot]) is not None and two in self.detokenize(answer.answer) for slot in slots]
        lost = [NO_TOKEN if is_bad else token for is_bad, token in zip(bad, chosen.tokens, strict=True)]
        return Chosen(tokens=lost, notes=chosen.notes)


def test_a_segment_whose_scores_overflow_fails_alone() -> None:
    """By name, so that another instance may try; the others in the batch have their text, and all slots are back."""

    async def main() -> None:
        async with _engine(_Overflowing()) as engine:
            asked = [segment(1, seed=1), segment(2), segment(1, seed=3)]
            tasks = [_in_background(engine.recognize(one, _ANY)) for one in asked]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(results[1], EngineFailed)
            assert results[1].retryable
            for place in (0, 2):
                result = results[place]
                assert isinstance(result, Transcript)
                assert result.text == fake_text(asked[place].samples)
            assert engine.failure is None
            assert engine.in_flight == 0

    asyncio.run(main())


def test_a_failed_prefill_leaves_running_segments_alone() -> None:
    """Their slots were not touched, so that their texts are still right."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model) as engine:
            gate.let_through(3)
            first = _in_background(engine.recognize(segment(1, seed=1), _ANY))
            await _stands(gate)
            second = _in_background(engine.recognize(segment(1, seed=2), _ANY))
            await _reached(lambda: engine._inbox.qsize() == 1)
            model.failing_once.add("prefill")
            gate.open()
            with pytest.raises(EngineFailed):
                await second
            assert (await first).text == fake_text(segment(1, seed=1).samples)
            assert model.caches == 1

    asyncio.run(main())


@pytest.mark.slow
def test_a_model_that_fails_for_ever_breaks_the_engine_with_a_word() -> None:
    """Everything pending fails, everything later is refused, and `failure` says why."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model, slots=1) as engine:
            tasks = [_in_background(engine.recognize(segment(1, seed=i), _ANY)) for i in range(3)]
            await _stands(gate)
            model.failing |= {"prefill"}
            gate.open()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(result, EngineFailed) for result in results)
            assert engine.failure is not None
            assert "prefill was told to fail" in engine.failure.message
            with pytest.raises(EngineFailed, match="cannot go on"):
                await engine.recognize(segment(1), _ANY)

    asyncio.run(main())


def test_the_thread_never_ends_without_a_word() -> None:
    """Not even when something in the network wants to leave the process, which a thread would do in silence."""

    class Leaving(FakeModel):
        def decode(self, *args: Any) -> Chosen:
            raise SystemExit(1)

    async def main() -> None:
        async with _engine(Leaving()) as engine:
            with pytest.raises(EngineFailed, match="SystemExit"):
                await engine.recognize(segment(1), _ANY)
            assert engine.failure is not None

    asyncio.run(main())


def test_an_engine_that_cannot_reserve_its_cache_cannot_be_entered() -> None:
    """The reason comes out of `async with`, and no thread is left."""

    async def main() -> None:
        engine = Engine(FakeModel(failing={"open_cache"}), slots=1, waiting=0)
        with pytest.raises(EngineFailed, match="open_cache was told to fail"):
            async with engine:
                pass
        assert not engine._thread.is_alive()

    asyncio.run(main())


def test_a_prompt_that_cannot_be_built_fails_its_segment() -> None:
    """The model's thread never hears of it."""

    async def main() -> None:
        model = FakeModel()
        async with _engine(model) as engine:
            model.failing_once.add("prompt")
            with pytest.raises(EngineFailed):
                await engine.recognize(segment(1), _ANY)
            assert (await engine.recognize(segment(1), _ANY)).text
            assert engine.failures == 1

    asyncio.run(main())


def test_one_too_many_is_refused_at_once() -> None:
    """As many as there are slots and places to wait are accepted, with a time to try again for the next."""

    async def main() -> None:
        gate = Gate()
        async with _engine(FakeModel(gate=gate), slots=1, waiting=2) as engine:
            tasks = [_in_background(engine.recognize(segment(1, seed=i), _ANY)) for i in range(3)]
            await _reached(lambda: engine.in_flight == 3)
            with pytest.raises(QueueFull) as refusal:
                await engine.recognize(segment(1), _ANY)
            assert refusal.value.retry_after_s == 3
            gate.open()
            await asyncio.gather(*tasks)

    asyncio.run(main())


def test_a_segment_or_a_context_that_is_too_long_is_refused_not_cut() -> None:
    """Both messages say by how much."""

    async def main() -> None:
        async with _engine(FakeModel(max_segment_s=10)) as engine:
            with pytest.raises(AudioTooLong, match=r"11\.00 s.*at most 10 s"):
                await engine.recognize(segment(11), _ANY)
            assert (await engine.recognize(segment(10), Options(context="x" * 512))).text
            with pytest.raises(UnsupportedOption, match="too long by 1 tokens; 512 fit"):
                await engine.recognize(segment(10), Options(context="x" * 513))

    asyncio.run(main())


def test_leaving_waits_for_what_was_accepted_and_takes_nothing_new() -> None:
    """The texts are whole; a late one is refused as draining."""

    async def main() -> None:
        gate = Gate()
        model = FakeModel(gate=gate)
        async with _engine(model, slots=1) as engine:
            tasks = [_in_background(engine.recognize(segment(1, seed=i), _ANY)) for i in range(3)]
            await _stands(gate)
            leaving = asyncio.create_task(engine.drain(20))
            await asyncio.sleep(0)
            with pytest.raises(Draining):
                await engine.recognize(segment(1), _ANY)
            gate.open()
            assert await leaving
        assert [(await task).text for task in tasks] == [fake_text(segment(1, seed=i).samples) for i in range(3)]

    asyncio.run(main())


def test_leaving_gives_up_after_its_timeout() -> None:
    """What is not done by then fails as draining, so that another instance can take it."""

    async def main() -> None:
        gate = Gate()
        async with _engine(FakeModel(gate=gate), slots=1, drain_timeout_s=0.05) as engine:
            tasks = [_in_background(engine.recognize(segment(1, seed=i), _ANY)) for i in range(2)]
            await _stands(gate)
            threading.Timer(0.1, gate.open).start()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, Draining) for result in results)

    asyncio.run(main())


def test_leaving_with_an_error_does_not_wait() -> None:
    """The error comes out; nothing is left running."""
    gate = Gate()
    tasks: list[asyncio.Task[Transcript]] = []

    async def fail_inside() -> None:
        async with _engine(FakeModel(gate=gate), drain_timeout_s=1000) as engine:
            tasks.append(_in_background(engine.recognize(segment(1), _ANY)))
            await _stands(gate)
            threading.Timer(0.05, gate.open).start()
            raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await fail_inside()
        with pytest.raises(Draining):
            await tasks[0]

    asyncio.run(main())


def test_a_caller_whose_send_fails_hears_his_own_error() -> None:
    """The others go on, and the slot is free again."""

    async def main() -> None:
        async with _engine(FakeModel(), slots=2) as engine:

            def send(piece: str) -> None:
                raise ZeroDivisionError(piece)

            wrong = _in_background(engine.recognize(segment(1, seed=1), _ANY, send))
            right = _in_background(engine.recognize(segment(1, seed=2), _ANY))
            with pytest.raises(ZeroDivisionError):
                await wrong
            assert (await right).text == fake_text(segment(1, seed=2).samples)
            assert engine.failure is None

    asyncio.run(main())


def test_a_lost_slot_breaks_a_strict_engine_and_is_mended_by_another() -> None:
    """Tests must see it; in production the other segments go on."""

    async def main(*, is_strict: bool) -> Engine:
        engine = Engine(FakeModel(), slots=2, waiting=0, is_strict=is_strict)
        async with engine:
            engine._scheduler._free.pop()
            with contextlib.suppress(EngineFailed):  # the strict one may notice at once, or only when it is idle again
                await engine.recognize(segment(1), _ANY)
            await _reached(lambda: bool(engine.failure) or not engine._scheduler.faults())
        return engine

    assert asyncio.run(main(is_strict=False)).failure is None
    broken = asyncio.run(main(is_strict=True)).failure
    assert broken is not None
    assert "slot" in broken.message


def test_a_hanging_step_shows() -> None:
    """How long the step in progress has taken is there for whoever judges health; between steps it is nothing."""

    async def main() -> None:
        gate = Gate()
        async with _engine(FakeModel(gate=gate)) as engine:
            assert engine.step_s == 0.0
            task = _in_background(engine.recognize(segment(1), _ANY))
            await _stands(gate)
            await _reached(lambda: engine.step_s > 0.0)
            gate.open()
            await task
            assert engine.rtfx is not None
            assert engine.rtfx > 0

    asyncio.run(main())


def test_how_far_a_segment_is_can_be_asked() -> None:
    """Nothing while it waits; a number that changes with each token; and nothing again when it has ended."""

    async def main() -> None:
        gate, clock, spoken = Gate(), FakeClock(), segment(1)
        async with Engine(FakeModel(gate=gate), slots=1, waiting=1, clock=clock, is_strict=True) as engine:
            assert engine.progress(spoken) == 0
            running = _in_background(engine.recognize(spoken, _ANY))
            await _stands(gate)  # it is the one that runs, however slowly prompts are built
            waiting = _in_background(engine.recognize(segment(2), _ANY))
            seen = []
            for _ in range(3):
                await _stands(gate)
                seen.append(engine.progress(spoken))
                gate.let_through()
            assert seen == sorted(set(seen))
            assert seen[0] > 0
            await _stands(gate)
            assert engine.progress(segment(1)) == 0
            gate.open()
            await asyncio.gather(running, waiting)
            assert engine.progress(spoken) == 0

    asyncio.run(main())


def test_a_long_step_is_progress_only_while_the_machine_may_be_slow() -> None:
    """Five seconds, and two more per second of audio; afterwards the number stands still."""

    async def main() -> None:
        gate, clock, spoken = Gate(), FakeClock(), segment(2)
        async with Engine(FakeModel(gate=gate), slots=1, waiting=0, clock=clock, is_strict=True) as engine:
            task = _in_background(engine.recognize(spoken, _ANY))
            await _stands(gate)
            seen = [engine.progress(spoken)]
            for _ in range(4):
                clock.advance(4.5)
                seen.append(engine.progress(spoken))
            assert seen == [1, 5, 10, 10, 10]
            gate.open()
            await task

    asyncio.run(main())


def test_a_step_that_never_ends_breaks_the_engine() -> None:
    """A minute, and two seconds more per second of audio; then who waits is told, and leaving waits for nobody."""

    async def main() -> None:
        gate, clock = Gate(), FakeClock()
        async with Engine(FakeModel(gate=gate), slots=1, waiting=1, clock=clock) as engine:
            running, waiting = (_in_background(engine.recognize(segment(1), _ANY)) for _ in range(2))
            await _stands(gate)
            clock.advance(61.9)
            assert not engine._loop.timer.hangs
            clock.advance(0.2)
            for task in (running, waiting):
                with pytest.raises(EngineFailed, match="hangs"):
                    await task
            with pytest.raises(EngineFailed, match="hangs"):
                await engine.recognize(segment(1), _ANY)
            assert engine.failure is not None
        assert engine._thread.is_alive()
        gate.open()
        engine._thread.join(20)

    asyncio.run(main())


def test_an_event_loop_that_is_gone_lets_the_thread_go_too() -> None:
    """Somebody forgot to leave the engine: at its next report the thread finds nobody to tell, and ends."""
    engine = Engine(FakeModel(), slots=1, waiting=0)

    async def main() -> None:
        await engine.__aenter__()

    asyncio.run(main())
    assert engine._thread.is_alive()
    engine._post([Opened()])
    engine._thread.join(20)
    assert not engine._thread.is_alive()
