"""One recording → one result, over any recognizer.

Owns the order of things: what is served? decode once, off the event loop; cut at pauses where the recording is longer
than one pass of the model; recognise the pieces, a bounded number at a time; stitch. Knows neither HTTP nor where the
recognition happens. The invariant: the first failure cancels the other pieces and is the one error raised, so that no
result ever lacks a piece.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from harken.audio import Audio, Cut, CutRule, DecodeLimits, Upload
from harken.config import LimitsConfig
from harken.errors import NoWordTimes
from harken.languages import parse_language
from harken.transcribe.ask import Ask
from harken.transcribe.memory import Memory, NoMemory
from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.transcribe.stitch import place, stitch
from harken.transcribe.watch import NoWatch, Watch
from harken.types import SAMPLE_RATE, ModelInfo, Options, Recognizer, Segment


class Reader(Protocol):
    """What is asked of `harken.audio.AudioReader`: both calls run off the event loop."""

    async def read(self, upload: Upload, limits: DecodeLimits, /) -> Audio:
        """Decode an upload to mono 16 kHz within the limits."""
        ...

    async def cut(self, audio: Audio, rule: CutRule, /) -> tuple[Cut, ...]:
        """Cut a recording at its pauses, by the rule."""
        ...


class Transcriber:
    """Turns uploads into transcripts; safe for any number of requests at once on one event loop."""

    def __init__(self, recognizer: Recognizer, reader: Reader, limits: LimitsConfig) -> None:
        self._recognizer = recognizer
        self._reader = reader
        self._limits = limits

    async def transcribe(
        self, upload: Upload, ask: Ask, request_id: str, *, watch: Watch | None = None, memory: Memory | None = None
    ) -> RecordingTranscript:
        """Recognise a recording of any length within the limits.

        Args:
            upload: the file in any container: its bytes, its path, or the open file.
            ask: what to do with it.
            request_id: goes with every segment.
            watch: is told of text and progress.
            memory: knows pieces that were finished before, and keeps those that are finished now.

        Raises:
            HarkenError: exactly one: the client's (language, audio) or the server's.
        """
        watch, memory = watch or NoWatch(), memory or NoMemory()
        info = await self._recognizer.model()
        options = options_for(ask.options, info)
        audio = await self._reader.read(upload, decode_limits(self._limits))
        del upload  # an upload of 100 MB need not stay while its samples wait for a slot
        segments = await self._segments(audio, info.max_segment_s, request_id)
        pieces = await self._recognize_all(segments, options, _meter(audio, segments, watch.progress))
        return stitch(pieces, audio.audio_s, wants_words=options.wants_words)

    async def _segments(self, audio: Audio, max_segment_s: float, request_id: str) -> list[Segment]:
        """The pieces that hold speech. A short recording is one piece: the model itself knows silence."""
        if len(audio.samples) <= int(max_segment_s * SAMPLE_RATE):
            return [Segment(samples=audio.samples, request_id=request_id)]
        cuts = await self._reader.cut(audio, CutRule(max_segment_s=max_segment_s))
        spoken = [cut for cut in cuts if cut.has_speech]
        return [
            Segment(samples=audio.samples[cut.start : cut.end], request_id=request_id, index=index, start=cut.start)
            for index, cut in enumerate(spoken)
        ]

    async def _recognize_all(
        self, segments: Sequence[Segment], options: Options, done: Callable[[Segment], None]
    ) -> list[PlacedTranscript]:
        found: dict[int, PlacedTranscript] = {}
        waiting = iter(segments)

        async def work() -> None:
            for segment in waiting:  # shared by all workers: each takes the next one
                found[segment.index] = place(segment, await self._recognizer.recognize(segment, options))
                done(segment)

        workers = min(len(segments), self._limits.segments_in_flight)
        if workers <= 1:
            await work()
        else:
            await _all_or_first_error(work, workers)
        return [found[segment.index] for segment in segments]


def options_for(options: Options, info: ModelInfo) -> Options:
    """Check the client's options against the model before any work; the language becomes a name of the model's.

    Raises:
        UnknownLanguage: the model does not know it.
        NoWordTimes: words are wanted, and no aligner is loaded or it does not know the forced language.
    """
    language = parse_language(options.language, info.languages)
    if options.wants_words:
        if info.aligner is None:
            raise NoWordTimes
        if language is not None and language not in info.aligner.languages:
            raise NoWordTimes(f"The aligner {info.aligner.name} does not know {language}: no word times for it.")
    return dataclasses.replace(options, language=language)


def decode_limits(limits: LimitsConfig) -> DecodeLimits:
    """The part of the limits that decoding keeps."""
    return DecodeLimits(max_bytes=limits.upload_bytes, max_audio_s=limits.audio_s, timeout_s=limits.decode_timeout_s)


async def _all_or_first_error(work: Callable[[], Coroutine[Any, Any, None]], workers: int) -> None:
    """Run the workers; when one fails the rest are cancelled, and that failure is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        # A task group lists failures in the order they happened; later ones are only echoes of the cancelling.
        raise failures.exceptions[0] from None


def _meter(
    audio: Audio, segments: Sequence[Segment], progress: Callable[[float, float], None]
) -> Callable[[Segment], None]:
    """Count done seconds; what holds no speech counts as done from the start."""
    left_s = sum(segment.audio_s for segment in segments)

    def done(segment: Segment) -> None:
        nonlocal left_s
        left_s -= segment.audio_s
        progress(max(0.0, audio.audio_s - left_s), audio.audio_s)

    return done
