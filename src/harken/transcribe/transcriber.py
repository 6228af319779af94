"""One recording → one result, over any recognizer.

Owns the order of things: what is served? may these options be had? open the recording, bring its pieces through,
stitch. Knows neither HTTP nor where the recognition happens. The invariant: a recording gives one whole result or
raises one `HarkenError`, so that no result ever lacks a piece.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from functools import partial

from harken.audio import CutRule, DecodeLimits, Upload
from harken.clock import Clock, SystemClock
from harken.config import LimitsConfig
from harken.errors import NoWordTimes, UnsupportedOption
from harken.events import Tell, nobody
from harken.languages import parse_language
from harken.transcribe.ask import Ask
from harken.transcribe.delivery import Delivery
from harken.transcribe.memory import Memory, NoMemory
from harken.transcribe.meter import Meter
from harken.transcribe.patience import Patient, Sleep
from harken.transcribe.pieces import Pieces, Reader
from harken.transcribe.pipeline import Pipeline
from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.transcribe.spread import pieces_at_once
from harken.transcribe.stitch import stitch
from harken.transcribe.watch import NoWatch, Watch
from harken.types import ANYBODY, ModelInfo, Options, Recognizer, Requester


class Transcriber:
    """Turns uploads into transcripts; safe for any number of requests at once on one event loop.

    Args:
        recognizer: recognises the pieces.
        reader: decodes and cuts recordings.
        limits: what one recording may ask for.
        clock: for how long a failing piece is tried again.
        sleep: waits between two tries.
        tell: takes the stages of each recording.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        reader: Reader,
        limits: LimitsConfig,
        *,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        tell: Tell = nobody,
    ) -> None:
        self._recognizer = recognizer
        self._reader = reader
        self._limits = limits
        clock = clock or SystemClock()
        patient = Patient(recognizer, patience_s=limits.queue_timeout_s, clock=clock, sleep=sleep)
        self._pipeline = partial(Pipeline, patient=patient, tell=tell, clock=clock)

    async def model(self) -> ModelInfo:
        """Tell what is served; see `Recognizer.model`."""
        return await self._recognizer.model()

    async def transcribe(
        self,
        upload: Upload,
        ask: Ask,
        request_id: str,
        *,
        requester: Requester = ANYBODY,
        watch: Watch | None = None,
        memory: Memory | None = None,
        is_live: bool = True,
        in_flight: int | None = None,
    ) -> RecordingTranscript:
        """Recognise a recording of any length within the limits.

        What fails on the way is tried again as `patience` has it; what cannot be right is mended as `guard` has it.

        Args:
            upload: the file in any container: its bytes, its path, or the open file. It is read while pieces are
                recognised, so it must stay until the end.
            ask: what to do with it.
            request_id: goes with every segment.
            requester: who asks, and how urgently.
            watch: is told of text and progress.
            memory: knows pieces that were finished before, and keeps those that are finished now.
            is_live: whether a watch wants the text while it is written; False brings it piece by piece, which lets a
                dispatcher try a piece elsewhere for longer.
            in_flight: pieces recognised at the same time, where fewer than `spread` allows are wanted.

        Raises:
            HarkenError: exactly one: the client's (language, audio) or the server's.
        """
        watch = watch or NoWatch()
        info = await self._recognizer.model()
        options = options_for(ask.options, info)
        limits, cut = decode_limits(self._limits), cut_for(ask.cut, info)
        most = pieces_at_once(self._limits.segments_in_flight, info.slots)
        opened = self._reader.open(upload, limits, cut, ask.speech)
        del upload  # once it is decoded nobody needs it, and its pieces may wait for long
        async with opened as pieces:
            found = await self._pipeline(
                options=options,
                request_id=request_id,
                requester=requester,
                in_flight=min(in_flight or most, most),
                memory=memory or NoMemory(),
                meter=Meter(watch.progress, pieces),
                delivery=Delivery(watch.text, options.language),
                is_live=is_live and not isinstance(watch, NoWatch),
            ).run(pieces)
            audio_s = pieces.decoded_s
        if ask.needs_logprobs and any(piece.text and piece.logprobs is None for piece in found):
            reason = f"This include is not supported: {info.name} gave no log-probabilities."
            raise UnsupportedOption(reason, field="include")
        return stitch(found, audio_s, wants_words=options.wants_words)

    async def follow(
        self,
        pieces: Pieces,
        options: Options,
        request_id: str,
        *,
        requester: Requester = ANYBODY,
        home: Callable[[], str] = str,
        watch: Watch | None = None,
        done: Callable[[PlacedTranscript], None] = lambda _: None,
    ) -> RecordingTranscript:
        """Recognise a recording that is cut elsewhere, piece by piece as they come.

        Args:
            pieces: of it, cut as `cut_for` has it.
            options: checked by `options_for`.
            request_id: goes with every segment.
            requester: who asks, and how urgently.
            home: says where the next piece should go while there is room; "" for anywhere.
            watch: is told the text, piece by piece.
            done: is told of each piece in order, when its text was told.

        Raises:
            HarkenError: exactly one.
        """
        info, watch = await self._recognizer.model(), watch or NoWatch()
        found = await self._pipeline(
            options=options,
            request_id=request_id,
            requester=requester,
            in_flight=pieces_at_once(self._limits.segments_in_flight, info.slots),
            memory=NoMemory(),
            meter=Meter(watch.progress, pieces),
            delivery=Delivery(watch.text, options.language, done),
            is_live=False,
            home=home,
        ).run(pieces)
        return stitch(found, pieces.decoded_s, wants_words=options.wants_words)


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


def cut_for(cut: CutRule, info: ModelInfo) -> CutRule:
    """The same rule with no piece longer than one pass of the model, and cut at what is a pause to it."""
    long_s = min(cut.long_silence_s, info.pause_s)
    return dataclasses.replace(
        cut,
        max_segment_s=min(cut.max_segment_s, info.max_segment_s),
        long_silence_s=long_s,
        # Half of the pause at most stays with the speech on either side, and a moment is left between them.
        kept_silence_s=min(cut.kept_silence_s, 0.45 * long_s),
    )


def decode_limits(limits: LimitsConfig) -> DecodeLimits:
    """The part of the limits that decoding keeps."""
    return DecodeLimits(max_bytes=limits.upload_bytes, max_audio_s=limits.audio_s, timeout_s=limits.decode_timeout_s)
