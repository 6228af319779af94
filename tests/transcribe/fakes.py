"""A recognizer and a reader for tests of everything above them; they run on the event loop and need no time.

A "file" is raw float32 samples. A sample of 0.0 is silence, and a long file is cut wherever silence begins or ends.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.audio import CutRule, DecodeLimits, Piece, SpeechRule, Upload
from harken.errors import AudioTooLong, HarkenError, UndecodableAudio
from harken.types import SAMPLE_RATE as RATE
from harken.types import Finish, ModelInfo, Options, Segment, Send, TokenLogprob, Transcript

LANGUAGES = ("English", "Chinese", "German")
INFO = ModelInfo(name="Qwen/Qwen3-ASR-digits", revision="r1", max_segment_s=1.0, languages=LANGUAGES, slots=4)


def speech(seconds: float, value: float = 0.5) -> NDArray[np.float32]:
    """Samples that count as speech."""
    return np.full(round(seconds * RATE), value, np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    """Samples that do not."""
    return np.zeros(round(seconds * RATE), np.float32)


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
        logprobs=() if options.wants_logprobs else None,
    )


def by_word(answer: Transcript) -> list[str]:
    """How a text is streamed: word by word."""
    return re.findall(r"\s*\S+", answer.text)


@dataclass
class FakeRecognizer:
    """Answers by `answer`; can wait in front of `gate`, and raise instead of answering.

    Attributes:
        seen: every segment and its options, in the order of arrival.
        turns: how many turns of the event loop an answer takes.
        most: the most segments that were in it at the same time.
        cancelled: how many left before their end.
    """

    answer: Callable[[Segment, Options], Transcript] = say
    errors: dict[int, Exception] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    turns: int = 1
    stream: Callable[[Transcript], list[str]] = by_word
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
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if segment.index in self.errors:
                raise self.errors[segment.index]
            if self.gate is not None:
                await self.gate.wait()
            answer = self.answer(segment, options)
            if send is not None:
                for delta in self.stream(answer):
                    send(delta)
                    await asyncio.sleep(0)
            return answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
            self.left.set()


@dataclass
class FakePieces:
    """A recording that is cut already; notes how far it was pulled.

    Attributes:
        pieces: what comes, in order; an error is raised in its place.
        total_s: what the head promises.
        pulled: pieces that were handed out.
    """

    pieces: list[Piece | HarkenError]
    total_s: float | None = None
    pulled: int = 0

    @property
    def decoded_s(self) -> float:
        """Seconds that were handed out."""
        return max((piece.end for piece in self.pieces[: self.pulled] if isinstance(piece, Piece)), default=0) / RATE

    async def __aiter__(self) -> AsyncIterator[Piece]:
        for piece in self.pieces:
            await asyncio.sleep(0)
            if isinstance(piece, HarkenError):
                raise piece
            self.pulled += 1
            yield piece


@dataclass
class FakeReader:
    """Reads raw float32; cuts at the edges of silence what is longer than one piece may be, and listens only then.

    Attributes:
        speech_prob: what voice activity says of every piece with speech.
        total_s: what the head of every file promises.
        late: raised when the pieces have come.
        rules: how each recording was to be cut.
        opened: every recording that was opened.
        still_open: recordings whose block was not left.
    """

    speech_prob: float = 1.0
    total_s: float | None = None
    late: HarkenError | None = None
    rules: list[CutRule] = field(default_factory=list)
    opened: list[FakePieces] = field(default_factory=list)
    still_open: int = 0

    @asynccontextmanager
    async def open(
        self, upload: Upload, limits: DecodeLimits, cut: CutRule, speech: SpeechRule | None, /
    ) -> AsyncIterator[FakePieces]:
        """Take the bytes as samples."""
        assert isinstance(upload, bytes | memoryview)
        if len(upload) % 4:
            raise UndecodableAudio
        samples = np.frombuffer(upload, np.float32)
        if len(samples) > limits.max_audio_s * RATE:
            raise AudioTooLong
        self.rules.append(cut)
        pieces: list[Piece | HarkenError] = [*self._pieces(samples, cut)]
        found = FakePieces(pieces if self.late is None else [*pieces, self.late], self.total_s)
        self.opened.append(found)
        self.still_open += 1
        try:
            yield found
        finally:
            self.still_open -= 1

    def _pieces(self, samples: NDArray[np.float32], cut: CutRule) -> Iterator[Piece]:
        spoken, is_long = samples != 0.0, len(samples) > cut.max_segment_s * RATE
        inner = (np.flatnonzero(spoken[1:] != spoken[:-1]) + 1).tolist() if is_long else []
        for start, end in itertools.pairwise([0, *inner, len(samples)]):
            has_speech = not is_long or bool(spoken[start])
            yield Piece(
                start=start,
                end=end,
                samples=samples[start : end if has_speech else start],
                has_speech=has_speech,
                speech_prob=self.speech_prob if has_speech else 0.0,
            )


@dataclass
class FakeWatch:
    """Writes down what it is told.

    Attributes:
        deltas: the text, as it came.
        tokens: of the text, as they came.
        steps: the progress, as it came.
    """

    deltas: list[str] = field(default_factory=list)
    tokens: list[tuple[str, ...]] = field(default_factory=list)
    steps: list[tuple[float, float | None]] = field(default_factory=list)

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Take text and tokens."""
        self.deltas.append(delta)
        self.tokens.append(tuple(one.token for one in logprobs))

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Take progress."""
        self.steps.append((done_s, total_s))


def capped(segment: Segment, options: Options) -> Transcript:
    """An answer that ran into the token cap."""
    return Transcript(
        text="and so on", language="English", audio_s=segment.audio_s, finish=Finish.LENGTH, instance="asr-1"
    )
