"""`WithWords`: an engine whose transcripts have the times of their words, where those are asked for.

It stands before an engine and passes everything through; after recognition it has the words timed. The invariants: a
segment is in flight until its words are timed; segments that want words are bounded while they are let in, since one
that is recognised already should not be refused; and nobody is told times that the aligner cannot know. A forced
language that it does not know is refused before anything is spent; where the model detects such a language in the
middle of a recording, that segment's words are ().
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Self

from harken.clock import Clock, SystemClock
from harken.engine.aligning import Aligning
from harken.engine.instance_engine import InstanceEngine
from harken.engine.stages import tell_stage
from harken.errors import HarkenError, NoWordTimes, QueueFull
from harken.events import Stage, Tell, nobody
from harken.log import get_log
from harken.types import Figures, ModelInfo, Options, Segment, Send, Transcript, Word

_RETRY_AFTER_S = 5

_log = get_log("engine.words")


class WithWords:
    """Implements what an instance needs of an engine. Use it as `async with`, within one event loop.

    Args:
        engine: recognises; entered and left by this object.
        aligning: times words; likewise, and left after the engine, whose last segments may still want words.
        room: segments that want words and may be inside at the same time, waiting ones included.
        clock: for how long words take.
    """

    def __init__(self, engine: InstanceEngine, aligning: Aligning, *, room: int, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tell: Tell = nobody
        self._engine = engine
        self._aligning = aligning
        self._room = room
        self._wanting = 0
        self._stack = AsyncExitStack()

    def __repr__(self) -> str:
        return f"<WithWords {self._engine!r} aligning={self._aligning.in_flight}>"

    @property
    def in_flight(self) -> int:
        """Segments accepted and not ended: waiting, being recognised, or being aligned."""
        return self._engine.in_flight + self._aligning.in_flight

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        return self._engine.in_flight_audio_s + self._aligning.in_flight_audio_s

    @property
    def failure(self) -> HarkenError | None:
        """Why it is broken for good: the engine or the aligner; None while neither is."""
        return self._engine.failure or self._aligning.failure

    @property
    def step_s(self) -> float:
        """How long the longer of the steps in progress has taken, in seconds."""
        return max(self._engine.step_s, self._aligning.step_s)

    @property
    def figures(self) -> Figures:
        """The engine's."""
        return self._engine.figures

    def listen(self, tell: Tell) -> None:
        """See `InstanceEngine`."""
        self._tell = tell
        self._engine.listen(tell)

    def progress(self, segment: Segment) -> int:
        """How far a segment is: at first in the engine, then in the aligner."""
        return self._engine.progress(segment) or self._aligning.progress(segment)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._aligning)
            await stack.enter_async_context(self._engine)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def model(self) -> ModelInfo:
        """The engine's model, with the aligner beside it."""
        return dataclasses.replace(await self._engine.model(), aligner=self._aligning.info)

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False when that took too long."""
        clock = asyncio.get_running_loop()
        deadline = clock.time() + timeout_s
        is_recognised = await self._engine.drain(timeout_s)
        is_aligned = await self._aligning.drain(max(deadline - clock.time(), 0.0))
        return is_recognised and is_aligned

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`; the text is streamed as it comes, the words follow with the end.

        Raises:
            NoWordTimes: words are asked for in a language that the aligner does not know.
            QueueFull: as many segments that want words are inside as may be.
            HarkenError: as the engine; `EngineFailed` also where the aligner failed.
        """
        if not options.wants_words:
            return await self._engine.recognize(segment, options, send)
        if options.language is not None and not self._knows(options.language):
            known = ", ".join(self._aligning.info.languages)
            raise NoWordTimes(f"Word times are not available in {options.language}, only in: {known}.")
        with self._admitted():
            plain = dataclasses.replace(options, wants_words=False)
            transcript = await self._engine.recognize(segment, plain, send)
            return dataclasses.replace(transcript, words=await self._words(segment, transcript))

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        if self._wanting >= self._room:
            raise QueueFull(retry_after_s=_RETRY_AFTER_S)
        self._wanting += 1
        try:
            yield
        finally:
            self._wanting -= 1

    async def _words(self, segment: Segment, transcript: Transcript) -> tuple[Word, ...]:
        if not transcript.text:
            return ()
        if not self._knows(transcript.language):
            _log.warning("words.language_unknown", segment=segment.id, language=transcript.language)
            return ()
        is_one = "," not in transcript.language
        began = self._clock.now()
        words = await self._aligning.words(segment, transcript.text, transcript.language if is_one else "")
        tell_stage(self._tell, segment, Stage.ALIGN, began, self._clock.now(), target=transcript.instance)
        return words

    def _knows(self, language: str) -> bool:
        """Tell whether the aligner knows a language, all of several, or "" (nothing is said against it)."""
        return all(name in self._aligning.info.languages for name in filter(None, language.split(",")))
