"""A result as the bodies of OpenAI's `Transcription` and `TranscriptionVerbose`. Pure.

Owns what each field says. Fields of ours stand beside theirs (`languages`, `warnings`). Two of theirs are said as their
clients expect and not as we say them elsewhere: the language of `verbose_json` is a small-letter name ("english"), and
what is not known is 0 where the type demands a number.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from typing import Any

from harken.languages import CODES
from harken.transcribe.result import Flag, RecordingTranscript
from harken.transcribe.sentences import Sentence, sentences_of
from harken.transcribe.stitch import join_logprobs
from harken.types import TokenLogprob, Word

_FRAMES_PER_S = 100
"""`seek` counts frames of 10 ms."""


def brief(result: RecordingTranscript, *, with_logprobs: bool = False) -> dict[str, Any]:
    """The body of `json`."""
    body: dict[str, Any] = {
        "text": result.text,
        "language": result.language,
        "languages": languages_of(result),
        "usage": usage_of(result),
    }
    return body | _extras(result, with_logprobs=with_logprobs)


def verbose(
    result: RecordingTranscript,
    *,
    granularities: Collection[str] = ("segment",),
    with_logprobs: bool = False,
    temperature: float = 0.0,
) -> dict[str, Any]:
    """The body of `verbose_json`, with segments and words as asked for."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": result.language.lower(),
        "languages": languages_of(result),
        "duration": round(result.audio_s, 3),
        "text": result.text,
        "usage": usage_of(result),
    }
    if "segment" in granularities:
        sentences = sentences_of(result)
        body["segments"] = [_segment(number, one, temperature) for number, one in enumerate(sentences)]
    if "word" in granularities:
        body["words"] = [_word(word) for word in result.words or ()]
    return body | _extras(result, with_logprobs=with_logprobs)


def languages_of(result: RecordingTranscript) -> list[dict[str, str]]:
    """Each language that is spoken, once, in the order of the recording: its code as OpenAI has it, and our name."""
    return [{"code": CODES.get(name, ""), "name": name} for name in dict.fromkeys(result.languages)]


def usage_of(result: RecordingTranscript) -> dict[str, Any]:
    """What was used, in OpenAI's words: seconds of audio."""
    return {"type": "duration", "seconds": round(result.audio_s, 3)}


def logprobs_of(result: RecordingTranscript) -> list[dict[str, Any]]:
    """The tokens of the text with their log-probabilities; together they spell the text."""
    return tokens_of(join_logprobs(result.segments) or ())


def tokens_of(logprobs: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """Tokens as OpenAI writes them."""
    return [{"token": one.token, "logprob": round(one.logprob, 6), "bytes": list(one.bytes)} for one in logprobs]


def warnings_of(result: RecordingTranscript) -> list[dict[str, Any]]:
    """What could not be repaired, and where."""
    return told_flags(result.warnings)


def told_flags(flags: Iterable[Flag]) -> list[dict[str, Any]]:
    """Flags as the JSON formats have them."""
    return [
        {"code": flag.code, "message": flag.message, "start": round(flag.start_s, 3), "end": round(flag.end_s, 3)}
        for flag in flags
    ]


def compression_ratio(text: str) -> float:
    """Bytes of the text to bytes of its zlib compression: above 2.4 it probably repeats itself."""
    plain = text.encode()
    return len(plain) / len(zlib.compress(plain))


def _extras(result: RecordingTranscript, *, with_logprobs: bool) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if with_logprobs:
        extras["logprobs"] = logprobs_of(result)
    if flags := warnings_of(result):
        extras["warnings"] = flags
    return extras


def _segment(number: int, one: Sentence, temperature: float) -> dict[str, Any]:
    return {
        "id": number,
        "seek": round(one.piece.start_s * _FRAMES_PER_S),
        "start": round(one.start_s, 3),
        "end": round(one.end_s, 3),
        "text": one.text,
        "tokens": [],
        "temperature": temperature,
        "avg_logprob": round(one.piece.avg_logprob or 0.0, 6),
        "compression_ratio": round(compression_ratio(one.text), 6),
        "no_speech_prob": round(one.piece.no_speech_prob or 0.0, 6),
    }


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
