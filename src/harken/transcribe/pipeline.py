"""One recording's pieces on their way: pulled when there is room, recognised side by side, handed on in order.

Owns how much of a recording is in memory at a time: at most `in_flight` pieces are recognised, and one more is decoded
while they are. What is left of a finished piece is its transcript. Knows neither where pieces come from nor what makes
an answer right. The invariant: the first failure, of a piece or of decoding, cancels all else and is the one error
raised.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable

from harken.audio import Piece
from harken.clock import Clock
from harken.events import CACHED, DONE, Span, Stage, Tell
from harken.spans import beneath, span_of
from harken.transcribe.delivery import Delivery
from harken.transcribe.leak import CLEAR_SPEECH, is_leak
from harken.transcribe.memory import Memory
from harken.transcribe.mending import mend
from harken.transcribe.meter import Meter
from harken.transcribe.patience import Patient
from harken.transcribe.pieces import Pieces
from harken.transcribe.result import PlacedTranscript, Repair, RepairKind
from harken.types import SAMPLE_RATE, Options, Requester, Segment, Send, Transcript


class Pipeline:
    """Brings one recording through; made for one use.

    Args:
        patient: recognises segments.
        options: of every piece, checked.
        request_id: goes with every segment.
        requester: goes with every segment.
        in_flight: pieces that may be recognised at the same time.
        memory: of pieces that were finished before.
        meter: hears of every piece that is done.
        delivery: gets the text.
        is_live: whether the text of a piece shall be delivered while it is written.
        tell: takes the stages that are over.
        clock: when they began and ended.
        home: where pieces should go while there is room; see `Segment.home`.
    """

    def __init__(
        self,
        *,
        patient: Patient,
        options: Options,
        request_id: str,
        requester: Requester,
        in_flight: int,
        memory: Memory,
        meter: Meter,
        delivery: Delivery,
        is_live: bool,
        tell: Tell,
        clock: Clock,
        home: Callable[[], str] = str,
    ) -> None:
        self._home = home
        self._tell = tell
        self._clock = clock
        self._patient = patient
        self._options = options
        self._request_id = request_id
        self._requester = requester
        self._in_flight = in_flight
        self._memory = memory
        self._meter = meter
        self._delivery = delivery
        self._is_live = is_live
        self._found: dict[int, PlacedTranscript] = {}

    async def run(self, pieces: Pieces) -> list[PlacedTranscript]:
        """Return the transcripts of all pieces with speech, in order.

        Raises:
            HarkenError: exactly one.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._pull(pieces, group)
        except BaseExceptionGroup as failures:
            # A task group lists failures in the order they happened; later ones are only echoes of the cancelling.
            raise failures.exceptions[0] from None
        self._meter.finish()
        return [self._found[index] for index in sorted(self._found)]

    async def _pull(self, pieces: Pieces, group: asyncio.TaskGroup) -> None:
        free = asyncio.Semaphore(self._in_flight)
        numbers = itertools.count()
        began = self._clock.now()
        async for piece in pieces:
            if not piece.has_speech:
                self._meter.add(piece.start, piece.end)
            elif (known := self._memory.recall(piece.start, piece.end)) is not None:
                self._finish(next(numbers), known)
            else:
                await free.acquire()
                recording_s = max(pieces.total_s or 0.0, pieces.decoded_s)
                group.create_task(self._work(next(numbers), piece, recording_s, free.release))
        self._meter.decoded()
        self._tell_read(began, pieces.decoded_s)

    def _tell_read(self, began: float, audio_s: float) -> None:
        trace = self._requester.trace
        self._tell(
            Span(
                request_id=self._request_id,
                stage=Stage.READ,
                began=began,
                ended=self._clock.now(),
                priority=self._requester.priority,
                audio_s=audio_s,
                trace=trace and trace.child(Stage.READ),
            )
        )

    async def _work(self, index: int, piece: Piece, recording_s: float, release: Callable[[], None]) -> None:
        try:
            segment = Segment(
                samples=piece.samples,
                request_id=self._request_id,
                index=index,
                start=piece.start,
                recording_s=recording_s,
                requester=self._requester,
                home=self._home(),
            )
            segment = beneath(segment, f"segment {index}")
            trace = segment.requester.trace
            with span_of(segment, Stage.SEGMENT, self._tell, self._clock, trace=trace) as outcome:
                found = _heard_in(piece, await self._recognize(segment, piece.speech_prob))
                outcome.if_done, outcome.target = CACHED if found.is_cached else DONE, found.instance
            await self._memory.keep(found)
            self._finish(index, found)
        finally:
            release()

    def _finish(self, index: int, found: PlacedTranscript) -> None:
        self._found[index] = found
        self._delivery.finish(index, found)
        self._meter.add(found.start, found.end)

    async def _recognize(self, segment: Segment, speech_prob: float) -> PlacedTranscript:
        options, send = self._options, self._send(segment.index, speech_prob)
        answer = await self._patient.recognize(segment, options, send, has_results=lambda: bool(self._found))
        found = await mend(segment, options, answer, self._recognize_again)
        if is_leak(found.text, options.context, speech_prob=speech_prob, audio_s=segment.audio_s):
            return await self._without_context(segment)
        return found

    async def _without_context(self, segment: Segment) -> PlacedTranscript:
        """What is heard by a model that was told nothing, so that it can leak nothing: mostly silence."""
        options = dataclasses.replace(self._options, context="")
        answer = await self._recognize_again(segment, options)
        found = await mend(segment, options, answer, self._recognize_again)
        leak = Repair(kind=RepairKind.CONTEXT_LEAK, start_s=found.start_s, end_s=found.end_s, is_resolved=True)
        return dataclasses.replace(found, repairs=(*found.repairs, leak))

    async def _recognize_again(self, segment: Segment, options: Options) -> Transcript:
        return await self._patient.recognize(segment, options)

    def _send(self, index: int, speech_prob: float) -> Send | None:
        """Where the piece may write its text while it comes, if it may."""
        may_leak = bool(self._options.context) and speech_prob < CLEAR_SPEECH
        is_whole = self._options.wants_logprobs  # they come with the answer, and each delta shall have its own
        if not self._is_live or is_whole or may_leak or not self._delivery.is_head(index):
            return None
        return self._delivery.write


def _heard_in(piece: Piece, found: PlacedTranscript) -> PlacedTranscript:
    """With the times between which somebody speaks."""
    if piece.speech_start is None or piece.speech_end is None:
        return found
    return dataclasses.replace(
        found, speech_start_s=piece.speech_start / SAMPLE_RATE, speech_end_s=piece.speech_end / SAMPLE_RATE
    )
