"""Carries out what the guard decides: from a first answer to the piece's transcript.

The thin loop around `guard`: recognise again, cut, put the parts together, and write down what was done. Parts are
looked after in the order in which they came up, so that what may be spent goes to long stretches first. The invariant:
every piece leaves with a text, and whatever is still wrong with it is flagged.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harken.errors import Draining, HarkenError
from harken.log import get_log
from harken.trace import log_fields_of
from harken.transcribe.guard import EXTRA_MAX, Case, Remedy, next_remedy, quiet_middle, trouble_of
from harken.transcribe.repetition import without_loops, without_tail
from harken.transcribe.result import PlacedTranscript, Repair, RepairKind
from harken.transcribe.stitch import merge, place
from harken.types import Finish, Options, Segment, TokenLogprob, Transcript, Word

RecognizeAgain = Callable[[Segment, Options], Awaitable[Transcript]]

_log = get_log("transcribe.guard")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretch:
    """A part of the piece, or all of it, that has an answer.

    Attributes:
        segment: the part.
        first: its first answer; it stays if nothing helps, because a penalty also keeps out what was really said twice.
        latest: its latest answer.
        tried: penalties that did not help here or around it.
    """

    segment: Segment
    first: Transcript
    latest: Transcript
    tried: frozenset[Remedy]


async def mend(
    segment: Segment, options: Options, answer: Transcript, recognize_again: RecognizeAgain
) -> PlacedTranscript:
    """Return the piece's transcript, recognised again where its answer cannot be right.

    Args:
        segment: the piece.
        options: it was recognised with.
        answer: what came of that.
        recognize_again: recognises a stretch of it.

    Raises:
        HarkenError: of `recognize_again`, where trying again could not help.
    """
    trouble = trouble_of(answer)
    if trouble is None:
        return place(segment, answer)
    parts = await _settle(segment, options, answer, recognize_again)
    parts.sort(key=lambda part: part.start_s)
    mended = merge(parts)
    if not mended.repairs:
        mended = dataclasses.replace(mended, repairs=(_repair(trouble, mended, is_resolved=True),))
    for repair in mended.repairs:
        _log.warning(
            "piece.repaired",
            request_id=segment.request_id,
            segment=segment.index,
            kind=repair.kind.value,
            start_s=round(repair.start_s, 3),
            end_s=round(repair.end_s, 3),
            is_resolved=repair.is_resolved,
            **log_fields_of(segment.requester.trace),
        )
    return mended


async def _settle(
    segment: Segment, options: Options, answer: Transcript, recognize_again: RecognizeAgain
) -> list[PlacedTranscript]:
    """The parts that the piece ends up in, in any order."""
    settled: list[PlacedTranscript] = []
    samples_left = EXTRA_MAX * len(segment.samples)
    waiting = deque([_Stretch(segment=segment, first=answer, latest=answer, tried=frozenset())])
    while waiting:
        stretch = waiting.popleft()
        trouble = trouble_of(stretch.latest)
        if trouble is None:
            settled.append(place(stretch.segment, stretch.latest))
            continue
        samples = len(stretch.segment.samples)
        case = Case(trouble=trouble, samples=samples, tried=stretch.tried, samples_left=samples_left)
        remedy = next_remedy(case)
        if remedy is None:
            settled.append(_given_up(stretch))
            continue
        samples_left -= samples
        try:
            waiting.extend(await _treated(stretch, remedy, options, recognize_again))
        except HarkenError as error:
            if not error.retryable or isinstance(error, Draining):
                raise
            # There is an answer, if a bad one: flagged it is worth more than none.
            settled.append(_given_up(stretch))
    return settled


async def _treated(
    stretch: _Stretch, remedy: Remedy, options: Options, recognize_again: RecognizeAgain
) -> list[_Stretch]:
    """What a remedy makes of a stretch: itself with a new answer, or its halves."""
    if remedy is not Remedy.HALVES:
        penalised = dataclasses.replace(options, repetition_penalty=remedy.value)
        found = await recognize_again(stretch.segment, penalised)
        return [dataclasses.replace(stretch, latest=found, tried=stretch.tried | {remedy})]
    halves: list[_Stretch] = []
    for half in _halves(stretch.segment):
        found = await recognize_again(half, options)
        halves.append(_Stretch(segment=half, first=found, latest=found, tried=stretch.tried))
    return halves


def _halves(segment: Segment) -> tuple[Segment, Segment]:
    at = quiet_middle(segment.samples)
    return (
        dataclasses.replace(segment, samples=segment.samples[:at]),
        dataclasses.replace(segment, samples=segment.samples[at:], start=segment.start + at),
    )


def _given_up(stretch: _Stretch) -> PlacedTranscript:
    """The first answer as far as it can be believed, flagged."""
    answer = stretch.first
    trouble = trouble_of(answer)
    assert trouble is not None, "only an answer in trouble is tried again"
    part = place(stretch.segment, answer)
    finish = Finish.LENGTH if trouble is RepairKind.LENGTH else Finish.LOOP
    text = part.text
    if trouble is RepairKind.LOOP:
        text = without_loops(part.text, answer.audio_s)
        if answer.finish is Finish.LOOP:
            text = without_tail(text)
    return dataclasses.replace(
        part,
        text=text,
        finish=finish,
        words=None if part.words is None else _words_within(text, part.words),
        logprobs=None if part.logprobs is None else _logprobs_within(text, part.logprobs),
        repairs=(_repair(trouble, part, is_resolved=False),),
    )


def _repair(kind: RepairKind, where: PlacedTranscript, *, is_resolved: bool) -> Repair:
    return Repair(kind=kind, start_s=where.start_s, end_s=where.end_s, is_resolved=is_resolved)


def _words_within(text: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that are still in the text, found one behind the other."""
    kept: list[Word] = []
    at = 0
    for word in words:
        found = text.find(word.text, at)
        if found >= 0:
            kept.append(word)
            at = found + len(word.text)
    return tuple(kept)


def _logprobs_within(text: str, logprobs: tuple[TokenLogprob, ...]) -> tuple[TokenLogprob, ...]:
    """As many of the first tokens as the shortened text may hold, by its bytes."""
    room = len(text.encode())
    kept: list[TokenLogprob] = []
    for token in logprobs:
        room -= len(token.bytes) or len(token.token.encode())
        if room < 0:
            break
        kept.append(token)
    return tuple(kept)
