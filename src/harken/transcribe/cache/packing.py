"""A transcript as bytes under its name, and back, believing nothing.

Owns the form: a checksum over name and body, then JSON. Pure. The invariant: what `unpack` returns equals what was
packed under that name; anything else, a value that was cut, altered, put under another name or written by another
format, is None.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harken.types import Finish, Options, Segment, TokenLogprob, Transcript, Word

_CHECK_BYTES = 16


def pack(key: bytes, transcript: Transcript) -> bytes | None:
    """Write a transcript; None where it cannot be written exactly (a number that is none, half of a character)."""
    fields = [
        transcript.text,
        transcript.language,
        transcript.audio_s,
        transcript.tokens,
        transcript.finish.value,
        transcript.instance,
        None if transcript.words is None else [[word.text, word.start_s, word.end_s] for word in transcript.words],
        None
        if transcript.logprobs is None
        else [[token.token, token.logprob, list(token.bytes)] for token in transcript.logprobs],
        transcript.avg_logprob,
        transcript.no_speech_prob,
    ]
    try:
        body = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return None
    return _check(key, body) + body


def unpack(key: bytes, value: bytes, segment: Segment, options: Options) -> Transcript | None:
    """Read what `pack` wrote under this name; None where it is not that, or no answer to this asking."""
    body = value[_CHECK_BYTES:]
    if value[:_CHECK_BYTES] != _check(key, body):
        return None
    try:
        transcript = _read(json.loads(body))
    except (ValueError, TypeError, RecursionError):
        return None
    return transcript if is_whole(transcript, segment, options) else None


def is_whole(transcript: Transcript, segment: Segment, options: Options) -> bool:
    """Whether it is a whole answer to this asking, which alone is worth keeping."""
    return (
        transcript.finish is Finish.STOP
        and abs(transcript.audio_s - segment.audio_s) < 1e-6
        and (transcript.words is not None) == options.wants_words
        and (transcript.logprobs is not None) == options.wants_logprobs
    )


def _read(fields: list[Any]) -> Transcript:
    text, language, audio_s, tokens, finish, instance, words, logprobs, avg_logprob, no_speech_prob = fields
    return Transcript(
        text=_text(text),
        language=_text(language),
        audio_s=_number(audio_s),
        tokens=_whole(tokens),
        finish=Finish(finish),
        instance=_text(instance),
        words=None if words is None else tuple(_word(*word) for word in words),
        logprobs=None if logprobs is None else tuple(_token(*token) for token in logprobs),
        avg_logprob=None if avg_logprob is None else _number(avg_logprob),
        no_speech_prob=None if no_speech_prob is None else _number(no_speech_prob),
    )


def _word(text: Any, start_s: Any, end_s: Any) -> Word:
    return Word(text=_text(text), start_s=_number(start_s), end_s=_number(end_s))


def _token(token: Any, logprob: Any, raw: Any) -> TokenLogprob:
    return TokenLogprob(token=_text(token), logprob=_number(logprob), bytes=tuple(bytes(raw)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("no whole number")
    return value


def _check(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_CHECK_BYTES).digest()
