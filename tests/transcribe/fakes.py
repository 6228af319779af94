"""A recognizer and a reader for tests of everything above them; they run on the event loop and need no time.

A "file" is raw float32 samples. A sample of 0.0 is silence, and `cut` cuts wherever silence begins or ends.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.audio import Audio, Cut, CutRule, DecodeLimits, Source, Upload
from harken.errors import AudioTooLong, HarkenError, UndecodableAudio
from harken.types import SAMPLE_RATE, Finish, ModelInfo, Options, Segment, Send, Transcript

LANGUAGES = ("English", "Chinese", "German")
INFO = ModelInfo(name="Qwen/Qwen3-ASR-digits", revision="r1", max_segment_s=1.0, languages=LANGUAGES, slots=4)


def speech(seconds: float, value: float = 0.5) -> NDArray[np.float32]:
    """Samples that count as speech."""
    return np.full(round(seconds * SAMPLE_RATE), value, np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    """Samples that do not."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def file(*parts: NDArray[np.float32]) -> bytes:
    """An upload that holds these samples one after another."""
    return np.concatenate(parts).tobytes()


def say(segment: Segment, options: Options) -> Transcript:
    """The usual answer: the segment's number as text."""
    return Transcript(
        text=f"part {segment.index}",
        language=options.language or "English",
        audio_s=segment.audio_s,
        tokens=2,
        instance=f"asr-{segment.index % 2 + 1}",
    )


@dataclass
class FakeRecognizer:
    """Answers by `answer`; can wait in front of `gate`, and raise instead of answering.

    Attributes:
        seen: every segment and its options, in the order of arrival.
        most: the most segments that were in it at the same time.
        cancelled: how many left before their end.
    """

    answer: Callable[[Segment, Options], Transcript] = say
    errors: dict[int, Exception] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    info: ModelInfo | HarkenError = INFO
    seen: list[tuple[Segment, Options]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0
    most: int = 0
    cancelled: int = 0

    async def model(self) -> ModelInfo:
        """The model, or the error that stands for it."""
        if isinstance(self.info, HarkenError):
            raise self.info
        return self.info

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Answer one segment."""
        self.seen.append((segment, options))
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        self.arrived.set()
        try:
            await asyncio.sleep(0)
            if segment.index in self.errors:
                raise self.errors[segment.index]
            if self.gate is not None:
                await self.gate.wait()
            return self.answer(segment, options)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
            self.left.set()


@dataclass
class FakeReader:
    """Reads raw float32."""

    cuts: int = 0

    async def read(self, upload: Upload, limits: DecodeLimits, /) -> Audio:
        """Take the bytes as samples."""
        assert isinstance(upload, bytes | memoryview)
        if len(upload) % 4:
            raise UndecodableAudio
        samples = np.frombuffer(upload, np.float32)
        if len(samples) > limits.max_audio_s * SAMPLE_RATE:
            raise AudioTooLong
        return Audio(samples=samples, source=Source(container="raw", codec="f32", sample_rate=SAMPLE_RATE, channels=1))

    async def cut(self, audio: Audio, rule: CutRule, /) -> tuple[Cut, ...]:
        """Cut at the edges of silence."""
        self.cuts += 1
        spoken = audio.samples != 0.0
        edges = [0, *(np.flatnonzero(spoken[1:] != spoken[:-1]) + 1).tolist(), len(spoken)]
        pairs = itertools.pairwise(edges)
        return tuple(Cut(start=start, end=end, has_speech=bool(spoken[start])) for start, end in pairs)


@dataclass
class FakeWatch:
    """Writes down what it is told.

    Attributes:
        deltas: the text, as it came.
        steps: the progress, as it came.
    """

    deltas: list[str] = field(default_factory=list)
    steps: list[tuple[float, float | None]] = field(default_factory=list)

    def text(self, delta: str) -> None:
        """Take text."""
        self.deltas.append(delta)

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Take progress."""
        self.steps.append((done_s, total_s))


def capped(segment: Segment, options: Options) -> Transcript:
    """An answer that ran into the token cap."""
    return Transcript(
        text="and so on", language="English", audio_s=segment.audio_s, finish=Finish.LENGTH, instance="asr-1"
    )
