"""Rules of harken.engine.plugin_engine, with plugin_threads, plugin_call, plugin_answer and plugin_model beneath it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harken.engine.plugin_engine import PluginEngine
from harken.errors import (
    AudioTooLong,
    ConfigError,
    EngineFailed,
    HarkenError,
    NoWordTimes,
    QueueFull,
    UnsupportedOption,
)
from harken.plugin import EngineInfo, Heard, Options, Report, TokenLogprob, Wish, Word
from harken.testing import segment
from harken.types import Finish

_ANY = Options()
_INFO = EngineInfo(name="toy", languages=("English",), revision="1", times_words=True)

_WORD = Word(text="a", start_s=0.0, end_s=0.1)

Recognize = Callable[[NDArray[np.float32], Options, Report], Any]


class Toy:
    """An engine that does what a test wants."""

    def __init__(self, recognize: Recognize, info: EngineInfo = _INFO) -> None:
        self.info = info
        self._recognize = recognize

    def recognize(self, samples: NDArray[np.float32], options: Options, report: Report) -> Heard:
        """Do it."""
        heard: Heard = self._recognize(samples, options, report)
        return heard


def _engine(
    recognize: Recognize, info: EngineInfo = _INFO, *, slots: int = 1, waiting: int = 10, hang_s: float = 60.0
) -> PluginEngine:
    toy, times_words = Toy(recognize, info), info.times_words
    return PluginEngine(toy, info, slots=slots, waiting=waiting, times_words=times_words, name="asr-1", hang_s=hang_s)


def _heard(heard: Any, options: Options = _ANY, info: EngineInfo = _INFO) -> Any:
    """The transcript of one second for which the engine returns this."""

    async def main() -> Any:
        async with _engine(lambda *_: heard, info) as engine:
            return await engine.recognize(segment(1), options)

    return asyncio.run(main())


def test_what_an_engine_heard_becomes_a_transcript() -> None:
    """Text, the only language it has, length, instance; words and log-probabilities only where they were wanted."""
    sure = EngineInfo(name="toy", languages=("English",), times_words=True, honours=frozenset({Wish.LOGPROBS}))
    heard = Heard(
        text=" a b ",
        words=(Word(text="a", start_s=0.1, end_s=0.5), Word(text="b", start_s=float(np.float32(0.4)), end_s=7.0)),
        logprobs=(TokenLogprob(token="a", logprob=-1.0), TokenLogprob(token=" b", logprob=-2.0)),
    )
    plain = _heard(heard, info=sure)
    assert (plain.text, plain.language, plain.audio_s, plain.instance) == ("a b", "English", 1.0, "asr-1")
    assert (plain.words, plain.logprobs, plain.avg_logprob) == (None, None, None)
    full = _heard(heard, Options(wants_words=True, wants_logprobs=True), sure)
    assert [(word.start_s, word.end_s) for word in full.words] == [(0.1, 0.5), (0.5, 1.0)]
    assert (full.avg_logprob, full.logprobs[1].bytes) == (-1.5, (32, 98))
    assert _heard(Heard(text="")).language == ""
    unsure = _heard(Heard(text="a"), Options(wants_logprobs=True), sure)
    assert (unsure.text, unsure.logprobs, unsure.avg_logprob) == ("a", None, None)
    assert _heard(Heard(text="cut", is_cut=True)).finish is Finish.LENGTH


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ("text", "str instead of Heard"),
        (None, "NoneType instead of Heard"),
        (Heard(text=b"bytes"), "text that is bytes"),  # type: ignore[arg-type]
        (Heard(text="\ud800"), "no Unicode"),
        (Heard(text="a", language="Klingon"), "'Klingon' of the language"),
        (Heard(text="a"), "no times of words"),
        (Heard(text="a", words=(Word(text="a", start_s=float("nan"), end_s=1),)), "time that is nan"),
        (Heard(text="a", words=(("a", 0, 1),)), "tuple among its words"),  # type: ignore[arg-type]
        (Heard(text="a", words=(Word(text="a", start_s="0.5", end_s=1),)), "time that is str"),  # type: ignore[arg-type]
        (Heard(text="a", words=(Word(text="a", start_s=0, end_s=True),)), "time that is bool"),
        (Heard(text="a", words=(Word(text="a", start_s=0, end_s=10**400),)), "time that is no number"),
        (Heard(text="a", words=(Word(text="a", start_s=0, end_s=1e300),)), "time of 1e"),
        (Heard(text="a", words=5), "words that are int instead of a tuple"),  # type: ignore[arg-type]
        (Heard(text="a", words="a"), "words that are str instead of a tuple"),  # type: ignore[arg-type]
        (Heard(text="a", words=(), is_cut="maybe"), "is_cut that is str"),  # type: ignore[arg-type]
    ],
)
def test_nonsense_fails_its_segment_by_name(heard: Any, told: str) -> None:
    """Nothing that the wire could not carry, or that the client did not ask for, leaves the instance."""
    with pytest.raises(EngineFailed, match=told):
        _heard(heard, Options(wants_words=True))


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (Heard(text="a" * 10_000), "10000 characters as a text for 1.0 s of audio; at most 2500 can be"),
        (Heard(text="a", words=(_WORD,) * 1_000_000, logprobs=()), "1000000 words for 1.0 s"),
        (
            Heard(text="a", words=(Word(text="b" * 100, start_s=0.0, end_s=0.1),) * 30, logprobs=()),
            "2600 characters in its words",
        ),
        (Heard(text="a", words=(), logprobs=(TokenLogprob(token="a", logprob=-1.0),) * 1_000), "1000 log-prob"),
        (Heard(text="a", words=(), logprobs=(TokenLogprob(token="b" * 1_300, logprob=-1.0),) * 2), "in its tokens"),
    ],
)
def test_more_than_anybody_can_say_is_refused_before_it_is_looked_at(heard: Heard, told: str) -> None:
    """A million words would keep the instance from answering its fleet, and be asked for again elsewhere."""
    sure = EngineInfo(name="toy", languages=("English",), times_words=True, honours=frozenset({Wish.LOGPROBS}))
    with pytest.raises(EngineFailed, match=told):
        _heard(heard, Options(wants_words=True, wants_logprobs=True), sure)


@pytest.mark.parametrize("catches", [True, False])
def test_pieces_are_bounded_too(catches: bool) -> None:
    """What was written cannot be more than the text may be, also where the engine passes over the refusal."""

    def recognize(_: Any, __: Any, report: Report) -> Heard:
        try:
            for _number in range(100):
                report.write("a" * 1_000)
        except Exception:
            if not catches:
                raise
        return Heard(text="a" * 2_000)

    async def main() -> None:
        pieces: list[str] = []
        async with _engine(recognize) as engine:
            with pytest.raises(EngineFailed, match="3000 characters in pieces"):
                await engine.recognize(segment(1), _ANY, pieces.append)
        assert len("".join(pieces)) <= 2_000

    asyncio.run(main())


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), MemoryError(), HarkenError("said")])
def test_whatever_an_engine_raises_costs_one_segment(error: BaseException) -> None:
    """Even one that wants to end the process; the next segment is recognised by the same thread."""
    errors = [error]

    def recognize(*_: Any) -> Heard:
        if errors:
            raise errors.pop()
        return Heard(text="next")

    async def main() -> None:
        async with _engine(recognize) as engine:
            with pytest.raises(HarkenError):
                await engine.recognize(segment(1), _ANY)
            assert (await engine.recognize(segment(1), _ANY)).text == "next"
            assert (engine.in_flight, engine.failure) == (0, None)

    asyncio.run(main())


@pytest.mark.parametrize("kind", [OSError, ConfigError, EngineFailed])
def test_an_exceptions_words_are_for_the_log_alone(
    kind: type[Exception], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """They may hold a path or a key; clients are told the name of its type."""

    def recognize(*_: Any) -> Heard:
        raise kind("/srv/weights: key hunter2 refused")

    async def main() -> str:
        async with _engine(recognize) as engine:
            with pytest.raises(EngineFailed) as caught:
                await engine.recognize(segment(1), _ANY)
        return caught.value.message

    assert asyncio.run(main()) == f"The engine failed on this segment: {kind.__name__}."
    printed = capsys.readouterr()
    assert "hunter2" in caplog.text + printed.err + printed.out


def test_what_it_lacks_is_refused_by_name() -> None:
    """A prompt, a temperature, times of words; never a silent wrong answer. Log-probabilities are just not there."""
    bare = EngineInfo(name="bare", languages=("English",))

    async def main() -> None:
        async with _engine(lambda *_: Heard(text="a"), bare) as engine:
            assert (await engine.model()).lacks == tuple(Wish)
            for options, kind in (
                (Options(context="names"), UnsupportedOption),
                (Options(temperature=0.5), UnsupportedOption),
                (Options(wants_words=True), NoWordTimes),
                (Options(language="English", prefix="a"), UnsupportedOption),
            ):
                with pytest.raises(kind, match="bare"):
                    await engine.recognize(segment(1), options)
            assert (await engine.recognize(segment(1), Options(wants_logprobs=True))).logprobs is None
            with pytest.raises(AudioTooLong):
                await engine.recognize(segment(31), _ANY)

    asyncio.run(main())


def test_an_engine_that_goes_on_behind_a_prefix_must_do_so() -> None:
    """Its text begins with it, letter for letter; else it would be put behind what it says again."""
    able, behind = replace(_INFO, honours=frozenset({Wish.PREFIX})), Options(language="English", prefix="one two ")
    for text in ("one two", " one two three"):
        assert _heard(Heard(text=text), behind, able).text == text.strip()
    with pytest.raises(EngineFailed, match="does not begin with the prefix"):
        _heard(Heard(text="three"), behind, able)
    with pytest.raises(UnsupportedOption, match="needs a language"):
        _heard(Heard(text="one two"), Options(prefix="one two"), able)


def test_text_is_streamed_and_completed() -> None:
    """Pieces arrive in order, the rest with the end; together they are the text."""

    def recognize(_: Any, __: Any, report: Report) -> Heard:
        report.write(" one")
        report.write(" two ")
        return Heard(text="one two three")

    async def main() -> None:
        pieces: list[str] = []
        async with _engine(recognize) as engine:
            await engine.recognize(segment(1), _ANY, pieces.append)
        assert pieces == ["one", " two ", "three"]

    asyncio.run(main())


def test_slots_run_side_by_side_and_more_wait_or_are_refused() -> None:
    """Two slots are in the engine together; the third waits with no progress, the fourth finds no room."""
    both = threading.Barrier(3)
    go = threading.Event()

    def recognize(*_: Any) -> Heard:
        if not go.is_set():
            both.wait(10)
            go.wait(10)
        return Heard(text="a")

    async def main() -> None:
        async with _engine(recognize, slots=2, waiting=1) as engine:
            parts = [segment(1, seed=number) for number in range(3)]
            tasks = [asyncio.create_task(engine.recognize(part, _ANY)) for part in parts]
            await asyncio.to_thread(both.wait, 10)
            assert [engine.progress(part) > 0 for part in parts] == [True, True, False]
            assert engine.figures.waiting == 1
            with pytest.raises(QueueFull):
                await engine.recognize(segment(1), _ANY)
            go.set()
            assert [found.text for found in await asyncio.gather(*tasks)] == ["a"] * 3

    asyncio.run(main())


def test_a_call_that_nobody_waits_for_ends_at_its_next_word() -> None:
    """Its caller is free at once; the engine is told when it reports, even where it catches all exceptions."""
    began, ended, left = threading.Event(), threading.Event(), threading.Event()

    def recognize(_: Any, __: Any, report: Report) -> Heard:
        began.set()
        left.wait(10)
        try:
            try:
                report.progress()
            except Exception:
                return Heard(text="went on")
        except BaseException:
            ended.set()
            raise
        return Heard(text="never told")

    async def main() -> None:
        async with _engine(recognize) as engine:
            task = asyncio.create_task(engine.recognize(segment(1), _ANY))
            await asyncio.to_thread(began.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert engine.in_flight == 0
            left.set()
            assert await asyncio.to_thread(ended.wait, 10)

    asyncio.run(main())


@pytest.mark.slow
def test_a_call_that_says_nothing_for_too_long_breaks_the_engine() -> None:
    """Nothing can end it, so the instance is told, and its process will be replaced."""
    go = threading.Event()

    def recognize(*_: Any) -> Heard:
        go.wait(30)
        return Heard(text="late")

    async def main() -> None:
        async with _engine(recognize, hang_s=-2.0) as engine:  # a second of audio has two more
            with pytest.raises(EngineFailed, match="hangs"):
                await engine.recognize(segment(1), _ANY)
            assert engine.failure is not None
            go.set()

    asyncio.run(main())
