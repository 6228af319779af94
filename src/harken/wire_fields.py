"""Fields of the wire's JSON, read as the types that we declare.

The other side may be anybody's server, and a value of another type than its field's would fail far from here, in a
scheduler or while an answer is written. This module knows JSON and our types, not which messages there are. Pure. The
invariant: whatever was sent, a reader returns a value of its type and within its bounds, or raises `ValueError`
(`KeyError` where a field is missing). Neither quotes what was sent, which may be long, or nothing that can be written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from harken.types import (
    AlignerInfo,
    Figures,
    Finish,
    ModelInfo,
    Options,
    Priority,
    TokenLogprob,
    Transcript,
    Wish,
    Word,
)

T = TypeVar("T")

_WHOLE_MAX = 1 << 53
"""Whole numbers up to here are exact in every reader of JSON."""
_NUMBER_MAX = 1e9
"""Seconds are thirty years below it."""

_SLOTS_MAX = 10_000
_SEGMENT_LEAST_S, _SEGMENT_MAX_S = 1.0, 3600.0
"""Shorter ones are too short to cut speech into, longer ones no model has."""
_PAUSE_LEAST_S = 0.001

_AUDIO_MAX_S = 1e15
"""A fleet that recognises a thousand hours an hour gets there in a thousand years."""

_PRIORITIES: dict[str, Priority] = {priority.value: priority for priority in Priority}
_FINISHES: dict[str, Finish] = {finish.value: finish for finish in Finish}
_WISHES: dict[str, Wish] = {wish.value: wish for wish in Wish}


def read_object(body: bytes) -> dict[str, Any]:
    """Read bytes that hold one JSON object."""
    try:
        raw = json.loads(body)
    except RecursionError as error:
        raise ValueError("It is nested too deeply") from error
    if not isinstance(raw, dict):
        raise ValueError("It is no object")
    return raw


def fields_of(raw: object, kind: type[Any]) -> dict[str, Any]:
    """Read an object that has no field but those of a dataclass."""
    # `dataclasses.fields` gives the same names, in a hundred times the time: this is asked for every word.
    if not isinstance(raw, dict) or not raw.keys() <= kind.__dataclass_fields__.keys():
        raise ValueError(f"It is no {kind.__name__}")
    return raw


def text(raw: object) -> str:
    """Read a text that can be written again: JSON may spell half a character alone, which UTF-8 cannot."""
    if not isinstance(raw, str):
        raise ValueError("A text is none")
    if not raw.isascii():
        raw.encode()
    return raw


def flag(raw: object) -> bool:
    """Read a true or false."""
    if not isinstance(raw, bool):
        raise ValueError("A true or false is neither")
    return raw


def whole(raw: object, least: int = 0, most: int = _WHOLE_MAX) -> int:
    """Read a whole number, written as one, within bounds that are allowed themselves."""
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ValueError("A whole number is none")
    if not least <= raw <= most:
        raise ValueError(f"A number is not between {least} and {most}")
    return raw


def number(raw: object, least: float = 0.0, most: float = _NUMBER_MAX) -> float:
    """Read a number within bounds that are allowed themselves, and so a finite one."""
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise ValueError("A number is none")
    if not least <= raw <= most:
        raise ValueError(f"A number is not between {least:g} and {most:g}")
    return float(raw)


def optional(read: Callable[[object], T], raw: object) -> T | None:
    """Read a value, or null as None."""
    return None if raw is None else read(raw)


def listed(read: Callable[[object], T], raw: object) -> tuple[T, ...]:
    """Read a list of such values."""
    if not isinstance(raw, list):
        raise ValueError("A list is none")
    return tuple(map(read, raw))


def options(raw: object) -> Options:
    """Read what is wished of a recognition; fields that are not known are passed over."""
    if not isinstance(raw, dict):
        raise ValueError("The options are no object")
    return Options(
        language=optional(text, raw["language"]),
        context=text(raw["context"]),
        temperature=number(raw["temperature"], most=100.0),
        repetition_penalty=number(raw["repetition_penalty"], least=0.01, most=100.0),
        wants_words=flag(raw["wants_words"]),
        wants_logprobs=flag(raw["wants_logprobs"]),
        prefix=text(raw["prefix"]),
    )


def transcript(raw: object) -> Transcript:
    """Read a transcript; here and below, fields that are not known are refused."""
    fields = fields_of(raw, Transcript)
    return Transcript(
        text=text(fields["text"]),
        language=text(fields["language"]),
        audio_s=number(fields["audio_s"]),
        tokens=whole(fields.get("tokens", 0)),
        finish=_finish(fields["finish"]),
        instance=text(fields.get("instance", "")),
        words=optional(_words, fields["words"]),
        logprobs=optional(_logprobs, fields["logprobs"]),
        avg_logprob=optional(_logprob, fields.get("avg_logprob")),
        no_speech_prob=optional(number, fields.get("no_speech_prob")),
        is_cached=optional(flag, fields.get("is_cached")),
    )


def priority(raw: object) -> Priority:
    """Read a class."""
    found = _PRIORITIES.get(text(raw))
    if found is None:
        raise ValueError("A class is none")
    return found


def figures(raw: object) -> Figures:
    """Read what an instance counts of itself."""
    fields = fields_of(raw, Figures)
    return Figures(
        device=text(fields.get("device", "")),
        memory_bytes=optional(whole, fields.get("memory_bytes")),
        gpu_memory_bytes=optional(whole, fields.get("gpu_memory_bytes")),
        waiting=whole(fields.get("waiting", 0)),
        busy_s=number(fields.get("busy_s", 0.0)),
        audio_s=number(fields.get("audio_s", 0.0), most=_AUDIO_MAX_S),
        tokens=whole(fields.get("tokens", 0)),
        prefills=whole(fields.get("prefills", 0)),
        decodes=whole(fields.get("decodes", 0)),
    )


def _finish(raw: object) -> Finish:
    finish = _FINISHES.get(text(raw))
    if finish is None:
        raise ValueError("A finish is none")
    return finish


def _words(raw: object) -> tuple[Word, ...]:
    return listed(_word, raw)


def _word(raw: object) -> Word:
    fields = fields_of(raw, Word)
    start_s = number(fields["start_s"])
    return Word(text=text(fields["text"]), start_s=start_s, end_s=number(fields["end_s"], least=start_s))


def _logprobs(raw: object) -> tuple[TokenLogprob, ...]:
    return listed(_token, raw)


def _token(raw: object) -> TokenLogprob:
    fields = fields_of(raw, TokenLogprob)
    return TokenLogprob(
        token=text(fields["token"]), logprob=_logprob(fields["logprob"]), bytes=listed(_byte, fields["bytes"])
    )


def _logprob(raw: object) -> float:
    return number(raw, least=-_NUMBER_MAX)


def _byte(raw: object) -> int:
    return whole(raw, most=255)


def model(raw: object) -> ModelInfo:
    """Read what a server says about its model."""
    fields = fields_of(raw, ModelInfo)
    # Where a field is left out, the dataclass's own default holds.
    default = ModelInfo(name="", revision="", max_segment_s=_SEGMENT_MAX_S, languages=())
    return ModelInfo(
        name=text(fields["name"]),
        revision=text(fields["revision"]),
        max_segment_s=number(fields["max_segment_s"], _SEGMENT_LEAST_S, _SEGMENT_MAX_S),
        languages=listed(text, fields["languages"]),
        slots=whole(fields.get("slots", default.slots), 1, _SLOTS_MAX),
        aligner=optional(_aligner, fields["aligner"]),
        pause_s=number(fields.get("pause_s", default.pause_s), _PAUSE_LEAST_S),
        batches=flag(fields.get("batches", default.batches)),
        lacks=listed(_wish, fields.get("lacks", [])),
    )


def _wish(raw: object) -> Wish:
    wish = _WISHES.get(text(raw))
    if wish is None:
        raise ValueError("A wish is none")
    return wish


def _aligner(raw: object) -> AlignerInfo:
    fields = fields_of(raw, AlignerInfo)
    return AlignerInfo(
        name=text(fields["name"]), revision=text(fields["revision"]), languages=listed(text, fields["languages"])
    )
