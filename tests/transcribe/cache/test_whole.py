"""Whole recordings through a cache, and many askers who come and go as they like."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.config import CacheConfig, LimitsConfig
from harken.errors import DeadlineExceeded, EngineFailed, HarkenError, InstanceFailed, QueueFull
from harken.testing import MisbehavingRecognizer, spell
from harken.testing.spelling import WORDS
from harken.transcribe.ask import Ask
from harken.transcribe.cache import make_cache
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.transcriber import Transcriber
from harken.types import Finish, Options, Priority, Recognizer, Requester, Segment, Transcript
from tests.transcribe.cache.askers import GatedRecognizer, ask, cached, settle
from tests.transcribe.fakes import FakeReader

RECORDING = spell(WORDS[:10] * 2).tobytes()
ODD = [
    MisbehavingRecognizer(),
    MisbehavingRecognizer(finish=lambda seg, opt: Finish.STOP if opt.repetition_penalty > 1 else Finish.LOOP),
    MisbehavingRecognizer(finish=lambda seg, _: Finish.LENGTH if len(seg.samples) > 10_000 else Finish.STOP),
    MisbehavingRecognizer(leaks=True),
]


@pytest.mark.parametrize("recognizer", ODD)
@pytest.mark.parametrize("options", [Options(), Options(context="names", wants_words=True, wants_logprobs=True)])
def test_a_result_is_the_same_with_and_without_a_cache(recognizer: MisbehavingRecognizer, options: Options) -> None:
    """Rule 6: down to every number, repairs and warnings included, the first time and the second."""

    async def transcribe(over: Recognizer) -> RecordingTranscript:
        transcriber = Transcriber(over, FakeReader(), LimitsConfig())
        return await transcriber.transcribe(RECORDING, Ask(options=options), "r")

    async def scene() -> None:
        plain = await transcribe(recognizer)
        async with make_cache(CacheConfig()).over(recognizer) as cache:
            first, asked = await transcribe(cache), len(recognizer.asked)
            again = await transcribe(cache)
        assert plain == first == again
        assert plain.cache == ""
        # What had a whole answer is not asked again; a bad one is.
        assert len(recognizer.asked) - asked < asked / 2 or first.segments[0].repairs

    asyncio.run(scene())


class Erratic(GatedRecognizer):
    """Takes a few turns, says a word or two, and now and then fails."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance

    async def recognize(self, segment: Segment, options: Options, send: object = None) -> Transcript:
        """Answer one segment."""
        self.gate.set()
        await asyncio.sleep(0)
        kinds: list[type[HarkenError]] = [InstanceFailed, EngineFailed, QueueFull, DeadlineExceeded]
        self.failures = [self.chance.choice(kinds)()] if self.chance.random() < 0.3 else []
        transcript = await super().recognize(segment, options, send)  # type: ignore[arg-type]
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        return transcript


@pytest.mark.slow
@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_whoever_comes_and_goes_every_asking_ends_and_nothing_is_left(seed: int) -> None:
    """With a transcript, one error or by leaving; no text comes twice, and none after the end."""
    chance = random.Random(seed)

    async def scene() -> None:
        under = Erratic(chance)
        async with cached(under) as cache:
            asking: list[tuple[asyncio.Task[Transcript], list[str], bool]] = []
            for _ in range(40):
                heard: list[str] = []
                requester = Requester(key=chance.choice("ab"), priority=chance.choice(list(Priority)))
                send = heard.append if chance.random() < 0.5 else None
                task = ask(cache, chance.randrange(3), send=send, index=chance.randrange(2), requester=requester)
                asking.append((task, heard, send is not None))
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                if chance.random() < 0.3:
                    chance.choice(asking)[0].cancel()
            ends = await asyncio.gather(*(task for task, _, _ in asking), return_exceptions=True)
            told = ["".join(heard) for _, heard, _ in asking]
            await settle()
            assert told == ["".join(heard) for _, heard, _ in asking]
            for end, text in zip(ends, told, strict=True):
                assert isinstance(end, Transcript | HarkenError | asyncio.CancelledError)
                assert " one two".startswith(text)
            assert not cache._tasks

    asyncio.run(scene())
