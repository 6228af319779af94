"""Transcripts of segments → the transcript of a recording. Pure.

Owns the seam: whether a space belongs between two texts. The rule follows the characters that meet, and the languages
only where the characters leave it open ("iPhone" + "很好" inside Chinese speech needs no space, "Hello." + "你好"
between two languages does). The invariant: nothing is added but single spaces, nothing is removed but white space at
the edges of a segment's text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from harken.languages import WITHOUT_SPACES, is_unspaced
from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.types import SAMPLE_RATE, Finish, Segment, TokenLogprob, Transcript, Word

T = TypeVar("T")


def place(segment: Segment, transcript: Transcript) -> PlacedTranscript:
    """Put a transcript, and its words, at its segment's true offset."""
    start_s = segment.start / SAMPLE_RATE
    end_s = (segment.start + len(segment.samples)) / SAMPLE_RATE
    return PlacedTranscript(
        text=transcript.text.strip(),
        language=transcript.language,
        start_s=start_s,
        end_s=end_s,
        instance=transcript.instance,
        finish=transcript.finish,
        tokens=transcript.tokens,
        words=None if transcript.words is None else _placed(transcript.words, start_s, end_s),
        logprobs=transcript.logprobs,
        avg_logprob=transcript.avg_logprob,
        no_speech_prob=transcript.no_speech_prob,
        is_cached=transcript.is_cached,
    )


def merge(parts: Sequence[PlacedTranscript]) -> PlacedTranscript:
    """Make one transcript again of the parts that a piece was cut into, in order, at least one."""
    if len(parts) == 1:
        return parts[0]
    spoken = [part for part in parts if part.text]
    weights = [(part.avg_logprob, max(part.tokens, 1)) for part in spoken if part.avg_logprob is not None]
    silences = [part.no_speech_prob for part in parts if part.no_speech_prob is not None]
    return PlacedTranscript(
        text=join_texts(parts),
        language=main_language(parts),
        start_s=parts[0].start_s,
        end_s=parts[-1].end_s,
        instance=next((part.instance for part in parts if part.instance), ""),
        finish=max((part.finish for part in parts), key=(Finish.STOP, Finish.LENGTH, Finish.LOOP).index),
        tokens=sum(part.tokens for part in parts),
        words=_chained(part.words for part in parts),
        logprobs=join_logprobs(parts),
        avg_logprob=sum(mean * n for mean, n in weights) / sum(n for _, n in weights) if weights else None,
        no_speech_prob=min(silences, default=None),
        repairs=tuple(repair for part in parts for repair in part.repairs),
        is_cached=None if parts[0].is_cached is None else all(part.is_cached for part in parts),
    )


def stitch(pieces: Sequence[PlacedTranscript], audio_s: float, *, wants_words: bool = False) -> RecordingTranscript:
    """Make one result of all pieces that hold speech.

    Args:
        pieces: in the order of the recording.
        audio_s: the recording's length, silence included.
        wants_words: whether their times were asked for.
    """
    return RecordingTranscript(
        text=join_texts(pieces),
        language=main_language(pieces),
        languages=languages_in_order(pieces),
        audio_s=audio_s,
        segments=tuple(pieces),
        words=tuple(word for piece in pieces for word in piece.words or ()) if wants_words else None,
    )


def join_texts(pieces: Iterable[PlacedTranscript]) -> str:
    """Join the texts in order, with a space where one belongs."""
    return "".join(space + piece.text for space, piece in _spaced(pieces))


def join_logprobs(pieces: Sequence[PlacedTranscript]) -> tuple[TokenLogprob, ...] | None:
    """Chain the tokens so that they spell the joined text; None where no piece has any."""
    if all(piece.logprobs is None for piece in pieces):
        return None
    return tuple(token for space, piece in _spaced(pieces) for token in spaced_tokens(piece.logprobs or (), space))


def spaced_tokens(tokens: Sequence[TokenLogprob], space: str) -> tuple[TokenLogprob, ...]:
    """Put what stands before a piece's text into the first of its tokens, as a model would have written it there."""
    if not tokens:
        return ()
    first = tokens[0]
    spelled = space.encode() + bytes(first.bytes).lstrip()
    return (dataclasses.replace(first, token=space + first.token.lstrip(), bytes=tuple(spelled)), *tokens[1:])


def space_between(before: PlacedTranscript | None, after: PlacedTranscript) -> str:
    """What stands between two pieces, neither of them silent; "" at the beginning."""
    if before is None:
        return ""
    return " " if needs_space(before.text, after.text, {before.language, after.language}) else ""


def needs_space(left: str, right: str, languages: Iterable[str]) -> bool:
    """Say whether a space belongs between two texts that are not empty.

    Args:
        left: its last character counts.
        right: its first character counts.
        languages: of the two texts; they decide where a spaced script meets an unspaced one.
    """
    by_characters = space_by_characters(left, right)
    if by_characters is None:
        return not all(language in WITHOUT_SPACES for language in languages)
    return by_characters


def space_by_characters(left: str, right: str) -> bool | None:
    """The same as far as the characters say it: None where a spaced script meets an unspaced one."""
    end, start = left[-1], right[0]
    if end in _OPENING or start in _CLOSING or _is_wide_mark(end) or _is_wide_mark(start):
        return False
    unspaced = is_unspaced(end), is_unspaced(start)
    if all(unspaced):
        return False
    return None if any(unspaced) else True


def languages_in_order(pieces: Iterable[PlacedTranscript]) -> tuple[str, ...]:
    """The languages in the order they were spoken; one that goes on is named once."""
    spoken: list[str] = []
    for piece in pieces:
        if piece.language and (not spoken or spoken[-1] != piece.language):
            spoken.append(piece.language)
    return tuple(spoken)


def main_language(pieces: Iterable[PlacedTranscript]) -> str:
    """The language that fills the most seconds (the earlier one of two equals); "" where nothing was spoken."""
    seconds: dict[str, float] = {}
    for piece in pieces:
        if piece.language:
            seconds[piece.language] = seconds.get(piece.language, 0.0) + piece.end_s - piece.start_s
    return max(seconds, key=seconds.__getitem__, default="")


def _spaced(pieces: Iterable[PlacedTranscript]) -> Iterator[tuple[str, PlacedTranscript]]:
    """The pieces that have text, each with what stands before it."""
    before: PlacedTranscript | None = None
    for piece in pieces:
        if piece.text:
            yield space_between(before, piece), piece
            before = piece


def _placed(words: Iterable[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """Move words into the recording; whatever an aligner says, none leaves its piece, and none overlaps the last."""
    placed: list[Word] = []
    at = start_s
    for word in words:
        begin = min(max(word.start_s + start_s, at), end_s)
        at = min(max(word.end_s + start_s, begin), end_s)
        placed.append(Word(text=word.text, start_s=begin, end_s=at))
    return tuple(placed)


def _chained(parts: Iterable[tuple[T, ...] | None]) -> tuple[T, ...] | None:
    known = [part for part in parts if part is not None]
    return tuple(item for part in known for item in part) if known else None


_OPENING = frozenset("([{¿¡«“‘")
_CLOSING = frozenset(")]},.;:!?%»”’…")


def _is_wide_mark(character: str) -> bool:
    """East Asian punctuation and full-width forms bring their own room."""
    point = ord(character)
    return 0x3000 <= point <= 0x3004 or 0x3008 <= point <= 0x303F or 0xFF01 <= point <= 0xFF65
