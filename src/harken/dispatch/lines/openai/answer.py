"""A server's answer in OpenAI's shapes, read as a transcript. Pure, and tolerant.

Only the text is demanded. Everything else is taken where it is there and makes sense, and left out where it does not:
a server that writes its language as "en" or "english", or its usage in its own way, has still recognised the segment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from harken.dispatch.lines.openai.header import Header, language_named
from harken.errors import InstanceFailed
from harken.types import Finish, TokenLogprob, Transcript, Word
from harken.wire import Job

_ITEMS_MAX = 20_000
"""Words or tokens of one segment; no segment has so many, and no answer may fill our memory."""

_SHORT = ("loop_unresolved", "length_unresolved")
"""Codes of another Harken's warnings; no set, for what is compared with them may be anything."""

_DIGITS_MAX = 1_000

_TEXT_LEAST, _TEXT_PER_S = 1_000, 200
"""Characters that a segment's text may have, in all and for each of its seconds: five times what anybody can say."""


def text_max(audio_s: float) -> int:
    """Characters of a segment's text, beyond which it is cut off: its server writes without end."""
    return _TEXT_LEAST + math.ceil(_TEXT_PER_S * audio_s)


def read_json(body: bytes) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one. All of its text can be written as UTF-8."""
    try:
        found = _JSON.decode(_whole_characters(body.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole_characters(text: str) -> str:
    """JSON without halves of characters: it may spell one half alone, which nobody can write in UTF-8."""
    if "\\ud" not in text.lower():
        return text
    # Pairs become characters by being read; what is half then stays so.
    written = json.dumps(_JSON.decode(text), ensure_ascii=False)
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number_of_digits(digits: str) -> int | float:
    """Read a whole number; Python itself refuses one of thousands of digits, and with it the whole answer."""
    return int(digits) if len(digits) <= _DIGITS_MAX else math.inf


_JSON = json.JSONDecoder(parse_int=_number_of_digits)


def number_of(raw: object) -> float | None:
    """Read a finite number; None for anything else, true and false included."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        number = float(raw)
    except OverflowError:  # JSON knows no largest whole number
        return None
    return number if math.isfinite(number) else None


def is_whole(raw: object) -> TypeGuard[int]:
    """It is a whole number; to Python true and false are some too."""
    return isinstance(raw, int) and not isinstance(raw, bool)


def transcript_of(body: Mapping[str, Any], job: Job, *, language: str = "") -> Transcript:
    """Read the body of an answer, or what a stream came to.

    Args:
        body: with `text`, as `json`, `verbose_json` or a `transcript.text.done` event has it.
        job: what was asked.
        language: what is known from elsewhere to be spoken; a name.

    Raises:
        InstanceFailed: there is no text.
    """
    text = body.get("text")
    if not isinstance(text, str):
        raise InstanceFailed("The upstream answered without a transcript.")
    header = Header()
    text = (header.feed(text) + header.close()).strip()
    options, audio_s = job.options, job.segment.audio_s
    is_endless = len(text) > text_max(audio_s)
    text = text[: text_max(audio_s)]
    spoken = options.language or language or header.language or language_of(body)
    logprobs = _logprobs(body.get("logprobs")) if options.wants_logprobs else None
    return Transcript(
        text=text,
        language=spoken if text else "",
        audio_s=audio_s,
        tokens=_tokens(body.get("usage")) or len(logprobs or ()),
        finish=Finish.LENGTH if is_endless else finish_of(body),
        words=words_of(body.get("words"), audio_s) if options.wants_words else None,
        logprobs=logprobs,
        avg_logprob=_avg_logprob(body, logprobs) if options.wants_logprobs else None,
        no_speech_prob=_number_of_segments(body, "no_speech_prob") if options.wants_logprobs else None,
    )


def language_of(body: Mapping[str, Any]) -> str:
    """The name of the language that an answer tells, "" where it tells none that we know."""
    languages = body.get("languages")
    first = languages[0] if isinstance(languages, list) and languages else None
    for spelling in (first.get("name") if isinstance(first, dict) else first, body.get("language")):
        if isinstance(spelling, str) and (name := language_named(spelling)):
            return name
    return ""


def words_of(raw: object, audio_s: float) -> tuple[Word, ...]:
    """The words and their times, in order, inside the segment and never overlapping."""
    words: list[Word] = []
    at = 0.0
    for item in _dicts(raw):
        text, start, end = item.get("word", item.get("text")), number_of(item.get("start")), number_of(item.get("end"))
        if isinstance(text, str) and text.strip() and start is not None and end is not None:
            begin = min(max(start, at), audio_s)
            at = min(max(end, begin), audio_s)
            words.append(Word(text=text.strip(), start_s=begin, end_s=at))
    return tuple(words)


def finish_of(body: Mapping[str, Any]) -> Finish:
    """Why the server stopped: another Harken, and a vLLM that streams, say where words may be missing."""
    is_short = any(item.get("code") in _SHORT for item in _dicts(body.get("warnings")))
    return Finish.LENGTH if is_short or body.get("finish_reason") == "length" else Finish.STOP


def _logprobs(raw: object) -> tuple[TokenLogprob, ...] | None:
    if not isinstance(raw, list):
        return None
    return tuple(
        TokenLogprob(token=item["token"], logprob=logprob, bytes=_bytes(item))
        for item in _dicts(raw)
        if isinstance(item.get("token"), str) and (logprob := number_of(item.get("logprob"))) is not None
    )


def _bytes(item: Mapping[str, Any]) -> tuple[int, ...]:
    raw = item.get("bytes")
    is_list = isinstance(raw, list) and all(is_whole(byte) and 0 <= byte < 256 for byte in raw)
    return tuple(raw) if is_list and raw else tuple(item["token"].encode())


def _avg_logprob(body: Mapping[str, Any], logprobs: tuple[TokenLogprob, ...] | None) -> float | None:
    if logprobs:
        return number_of(sum(token.logprob for token in logprobs) / len(logprobs))
    return _number_of_segments(body, "avg_logprob")


def _number_of_segments(body: Mapping[str, Any], key: str) -> float | None:
    """The mean over the answer's own segments, each as long as it lasts."""
    total = weights = 0.0
    for item in _dicts(body.get("segments")):
        number, start, end = number_of(item.get(key)), number_of(item.get("start")), number_of(item.get("end"))
        if number is not None:
            weight = max((end or 0.0) - (start or 0.0), 1e-3)
            total, weights = total + weight * number, weights + weight
    return number_of(total / weights) if weights else None


def _tokens(usage: object) -> int:
    if not isinstance(usage, dict):
        return 0
    tokens = usage.get("output_tokens", usage.get("completion_tokens"))
    return tokens if is_whole(tokens) and 0 < tokens <= _ITEMS_MAX else 0


def _dicts(raw: object) -> list[dict[str, Any]]:
    return [item for item in raw[:_ITEMS_MAX] if isinstance(item, dict)] if isinstance(raw, list) else []
