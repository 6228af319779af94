"""What tests of live sessions speak with: spelled words, a detector of them, and a recognizer that may be unsure."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.audio import SpeechDetector
from harken.audio.spans import FRAME
from harken.config import CacheConfig, LimitsConfig, LiveConfig
from harken.errors import HarkenError
from harken.live.events import Completed, Failed, LiveEvent, Text
from harken.live.session import LiveSession
from harken.live.sessions import Sessions
from harken.live.settings import LiveSettings, TurnRule
from harken.testing.recognizer import MisbehavingRecognizer
from harken.testing.sounds import silence
from harken.testing.spelling import WORDS, spell
from harken.transcribe.cache import make_cache
from harken.transcribe.transcriber import Transcriber
from harken.types import ANYBODY, Options, Requester, Segment, Send, Transcript
from tests.transcribe.fakes import FakeReader


class Voices(SpeechDetector):
    """Hears speech wherever there is any sound; needs no model and remembers nothing."""

    def __init__(self) -> None:
        """Without a session of onnxruntime."""

    def listen(self) -> Voices:  # type: ignore[override] # it is its own listener
        """Nothing is remembered."""
        return self

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sound is speech."""
        frames = np.append(samples, np.zeros(-len(samples) % FRAME, np.float32)).reshape(-1, FRAME)
        return np.asarray(np.abs(frames).max(axis=1, initial=0.0) > 0, np.float32)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sound is speech."""
        return self.feed(samples)

    def loud_probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sound is speech."""
        return self.feed(samples)


@dataclass(kw_only=True)
class UnsureRecognizer(MisbehavingRecognizer):
    """Hears what is spelled; the last words of a draft it may hear wrong, or not at all.

    Attributes:
        chance: draws what it gets wrong; None for nothing.
        unsure: how many words at the end of a draft are not safe.
        draft_error: how every draft fails; None where they do not.
        gate: what it waits for before it answers.
        segments: all that were asked for.
    """

    chance: random.Random | None = None
    unsure: int = 3
    draft_error: HarkenError | None = None
    gate: asyncio.Event | None = None
    segments: list[Segment] = field(default_factory=list)

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Answer as `MisbehavingRecognizer` does."""
        self.segments.append(segment)
        is_draft = segment.request_id.endswith("d")
        if self.gate is not None:
            await self.gate.wait()
        if is_draft and self.draft_error is not None:
            raise self.draft_error
        answer = await MisbehavingRecognizer.recognize(self, segment, options, send)
        is_whole = not segment.samples[-320:].any()  # who has stopped speaking is heard to the end
        if not is_draft or self.chance is None or is_whole:
            return answer
        words = answer.text.split()
        for place in range(max(0, len(words) - self.unsure), len(words)):
            if self.chance.random() < 0.4:
                words[place] = self.chance.choice(WORDS)
        if words and self.chance.random() < 0.3:
            words.pop()
        return dataclasses.replace(answer, text=" ".join(words))


@asynccontextmanager
async def sessions_over(
    recognizer: UnsureRecognizer, config: LiveConfig | None = None, *, cache_bytes: int = 0, **more: object
) -> AsyncIterator[Sessions]:
    """Sessions with the voices of this module."""
    config = config or LiveConfig(update_s=0.001, window_s=6.0)
    async with make_cache(CacheConfig(bytes=cache_bytes)).over(recognizer) as finals:
        transcriber = Transcriber(finals, FakeReader(), LimitsConfig())
        async with Sessions(recognizer, finals, transcriber, Voices, config, **more).running() as sessions:  # type: ignore[arg-type]
            yield sessions


async def opened(
    sessions: Sessions, turns: TurnRule | None = None, *, requester: Requester = ANYBODY, **options: object
) -> LiveSession:
    """A session; turns are committed by hand unless a rule is given."""
    settings = LiveSettings(options=Options(**options), turns=turns)  # type: ignore[arg-type]
    return await sessions.open(settings, requester=requester, request_id="req")


async def told(session: LiveSession, after: int = 0) -> list[LiveEvent]:
    """All that a session tells until its end."""
    return [event async for _, event in session.events(after)]


async def say(session: LiveSession, sound: NDArray[np.float32], sizes: list[int] | None = None) -> None:
    """Feed sound in packets, and let drafts happen between them."""
    sizes = sizes or [1600]
    turn = 0
    while len(sound):
        size = sizes[turn % len(sizes)]
        await session.feed(sound[:size])
        sound, turn = sound[size:], turn + 1
        for _ in range(8):
            await asyncio.sleep(0)


def pause(seconds: float) -> NDArray[np.float32]:
    """Nobody speaks."""
    return silence(seconds)


def texts_of(events: list[LiveEvent]) -> list[str]:
    """The final texts, in order."""
    return [event.text for event in events if isinstance(event, Completed)]


def check_order(events: list[LiveEvent]) -> None:
    """What holds for every session: see `harken.live.events`."""
    shown: dict[int, str] = {}
    over: list[int] = []
    for event in events:
        if isinstance(event, Text):
            assert event.turn not in over, "nothing is said of a turn behind its end"
            shown[event.turn] = shown.get(event.turn, "") + event.delta
        elif isinstance(event, Completed | Failed):
            over.append(event.turn)
            if isinstance(event, Completed):
                assert shown.get(event.turn, "") == event.text, "deltas are the text"
    assert over == sorted(set(over)), "turns end once, in order"


__all__ = ["WORDS", "UnsureRecognizer", "Voices", "check_order", "opened", "pause", "say", "sessions_over", "spell"]
