"""What an engine heard, as a transcript; or what is wrong with it. Pure.

An engine of another package may return anything, and a value of another type than its field's would fail far from here.
The invariant: what is returned can travel over the wire, its words are in order within the segment, and what was asked
for is in it; else `EngineFailed` says what the engine did not do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harken.engine.plugin_bounds import (
    characters_max,
    refuse_more,
    refuse_what_cannot_travel,
    tokens_max,
    words_max,
)
from harken.errors import EngineFailed
from harken.plugin import EngineInfo, Heard
from harken.types import Finish, Options, Segment, TokenLogprob, Transcript, Wish, Word

_NUMBER_MAX = 1e9
"""Beyond it the wire refuses a number."""


def transcript_of(heard: object, segment: Segment, options: Options, info: EngineInfo, *, instance: str) -> Transcript:
    """Make what an engine returned a transcript.

    Args:
        heard: what it returned.
        segment: what it was given.
        options: likewise.
        info: what it says of itself.
        instance: the instance's name.

    Raises:
        EngineFailed: it is none, or lacks what was asked for.
    """
    if not isinstance(heard, Heard):
        raise _wrong(f"returned {type(heard).__name__} instead of Heard")
    text = _text(heard.text, "text", segment.audio_s).strip()
    if not text.startswith(options.prefix.strip()):
        raise _wrong("returned a text that does not begin with the prefix, though it says that it can")
    wants_logprobs = options.wants_logprobs and Wish.LOGPROBS in info.honours
    # An answer without them is no failure: verbose_json only likes to have them. Who must have them looks for them.
    logprobs = None if heard.logprobs is None or not wants_logprobs else _logprobs(heard.logprobs, segment.audio_s)
    transcript = Transcript(
        text=text,
        language=_language(heard, text, options, info),
        audio_s=segment.audio_s,
        tokens=len(text.split()) if logprobs is None else len(logprobs),
        finish=Finish.LENGTH if _flag(heard.is_cut, "is_cut") else Finish.STOP,
        instance=instance,
        words=_words(heard, text, segment.audio_s) if options.wants_words else None,
        logprobs=logprobs,
        avg_logprob=math.fsum(one.logprob for one in logprobs) / len(logprobs) if logprobs else None,
    )
    refuse_what_cannot_travel(transcript)
    return transcript


def _language(heard: Heard, text: str, options: Options, info: EngineInfo) -> str:
    if not text:
        return ""
    language = _text(heard.language, "language") or options.language or ""
    if not language and len(info.languages) == 1:
        language = info.languages[0]
    if language not in info.languages:
        told = repr(language[:40]) if language else "nothing"
        raise _wrong(f"said {told} of the language; it knows {', '.join(info.languages)}")
    return language


def _words(heard: Heard, text: str, audio_s: float) -> tuple[Word, ...]:
    """In order, within the segment, never overlapping: an engine's frames may be off by one."""
    if heard.words is None:
        if text:
            raise _wrong("told no times of words, though it says that it can")
        return ()
    words = _listed(heard.words, "words")
    refuse_more(len(words), words_max(audio_s), "words", audio_s)
    found: list[Word] = []
    earliest, length = 0.0, 0
    for word in words:
        if not isinstance(word, Word):
            raise _wrong(f"returned {type(word).__name__} among its words")
        start_s = min(max(_number(word.start_s, "time"), earliest), audio_s)
        earliest = min(max(_number(word.end_s, "time"), start_s), audio_s)
        said = _text(word.text, "word", audio_s)
        length += len(said)
        refuse_more(length, characters_max(audio_s), "characters in its words", audio_s)
        found.append(Word(text=said, start_s=start_s, end_s=earliest))
    return tuple(found)


def _logprobs(raw: object, audio_s: float) -> tuple[TokenLogprob, ...]:
    logprobs = _listed(raw, "log-probabilities")
    refuse_more(len(logprobs), tokens_max(audio_s), "log-probabilities", audio_s)
    found: list[TokenLogprob] = []
    length = 0
    for one in logprobs:
        if not isinstance(one, TokenLogprob):
            raise _wrong(f"returned {type(one).__name__} among its log-probabilities")
        token = _text(one.token, "token", audio_s)
        length += len(token)
        refuse_more(length, characters_max(audio_s), "characters in its tokens", audio_s)
        # Its bytes are those of its text: an engine of words has no parts of characters.
        logprob = _number(one.logprob, "log-probability")
        found.append(TokenLogprob(token=token, logprob=logprob, bytes=tuple(token.encode())))
    return tuple(found)


def _text(raw: Any, what: str, audio_s: float | None = None) -> str:
    if not isinstance(raw, str):
        raise _wrong(f"returned a {what} that is {type(raw).__name__}")
    if audio_s is not None:
        refuse_more(len(raw), characters_max(audio_s), f"characters as a {what}", audio_s)
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise _wrong(f"returned a {what} that is no Unicode") from error
    return raw


def _number(raw: Any, what: str) -> float:
    # A numpy scalar is a number too; text that looks like one would be one by accident.
    if isinstance(raw, bool | np.bool_) or not hasattr(raw, "__float__"):
        raise _wrong(f"returned a {what} that is {type(raw).__name__}")
    try:
        number = float(raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong(f"returned a {what} that is no number") from error
    if not math.isfinite(number):
        raise _wrong(f"returned a {what} that is {number}")
    if abs(number) > _NUMBER_MAX:
        raise _wrong(f"returned a {what} of {number:g}")
    return number


def _listed(raw: Any, what: str) -> tuple[Any, ...]:
    if not isinstance(raw, tuple | list):
        raise _wrong(f"returned {what} that are {type(raw).__name__} instead of a tuple")
    return tuple(raw)


def _flag(raw: Any, what: str) -> bool:
    if not isinstance(raw, bool | np.bool_):
        raise _wrong(f"returned {what} that is {type(raw).__name__}")
    return bool(raw)


def _wrong(what: str) -> EngineFailed:
    return EngineFailed(f"The engine {what}.")
