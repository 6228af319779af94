"""`/asr`, `/v1/audio/transcriptions` and `/v1/audio/translations` in /openapi.json.

`OPTIONS` are the fields beside the file, for every route that takes `harken.api.fields` (jobs too).
"""

from __future__ import annotations

from typing import Any

from harken.api.schema.models import MODEL_MISSING
from harken.api.schema.parts import (
    AUDIO_FILE,
    COUNT,
    NULLABLE_NUMBER,
    NUMBER,
    TEXT,
    Responses,
    Schema,
    choice,
    form,
    header_parameter,
    json_answer,
    listed,
    obj,
    openai_errors,
    plain_errors,
)
from harken.api.urgency import DEADLINE_HEADER, PRIORITY_HEADER
from harken.api.vad import ServerVad
from harken.transcribe.form import Form
from harken.types import Priority

_FAILURES = (400, 413, 500, 502, 503, 504, 507)

_LANGUAGE: Schema = {
    "type": "string",
    "default": "auto",
    "description": "A language's name or code in any case, or auto to detect it.",
    "examples": ["auto", "English", "zh"],
}

_HEADERS = {
    "X-Request-Id": {"schema": TEXT, "description": "The client's own X-Request-Id, else a new one."},
    "X-Harken-Instance": {
        "schema": TEXT,
        "description": "Names of the instances that recognised it, comma separated. Not on streams.",
    },
    "X-Harken-Cache": {
        "schema": {"type": "string", "enum": ["hit", "partial", "miss"]},
        "description": "Whether all pieces, some or none were known before. Not on streams, nor without a cache.",
    },
    "X-Harken-Incomplete": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "Present when words may be missing or too many somewhere: see warnings. Not on streams.",
    },
}

ASR_BODY = form({"audio": AUDIO_FILE}, {"language": _LANGUAGE})

_URGENCY = [
    header_parameter(
        PRIORITY_HEADER,
        choice(Priority),
        "The class in which it waits; by default interactive. Above it, a key must be allowed to ask.",
    ),
    header_parameter(
        DEADLINE_HEADER,
        {"type": "number", "exclusiveMinimum": 0},
        "Seconds from now after which the answer is of no use: then it is a 504, and nothing more is done for it.",
    ),
]

ASR_PARAMETERS = {
    "parameters": [
        header_parameter("Accept-Language", TEXT, "zh for error messages in Chinese."),
        *_URGENCY,
    ]
}

OPENAI_PARAMETERS = {"parameters": _URGENCY}

ASR_RESPONSES: Responses = {
    200: json_answer(
        "What was said.",
        obj({"text": TEXT, "language": TEXT, "status": {"type": "string", "enum": ["success"]}}),
        {"text": "one two three", "language": "English", "status": "success"},
        headers=_HEADERS,
    ),
    **plain_errors(*_FAILURES),
}

_VAD = ServerVad()
_SERVER_VAD = obj(
    {"type": {"type": "string", "enum": ["server_vad"]}},
    {
        "threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": _VAD.threshold},
        "prefix_padding_ms": {"type": "number", "minimum": 0, "default": round(_VAD.prefix_padding_s * 1000)},
        "silence_duration_ms": {"type": "number", "minimum": 0, "default": round(_VAD.silence_s * 1000)},
    },
) | {"additionalProperties": False}

OPTIONS: Schema = {
    "model": {"type": "string", "description": "The served name, its last part, or whisper-1; may be left out."},
    "language": _LANGUAGE,
    "languages": listed(TEXT) | {"description": "As language; more than one is refused."},
    "prompt": {"type": "string", "description": "Context: names and terms that may occur."},
    "context": {"type": "string", "description": "The same as prompt; what is sent in both is joined."},
    "keywords": listed(TEXT) | {"description": "Names and terms that may occur; repeat the field, or use commas."},
    "hotwords": listed(TEXT) | {"description": "The same as keywords."},
    "response_format": choice(Form) | {"default": Form.JSON.value},
    "timestamp_granularities": listed({"type": "string", "enum": ["segment", "word"]})
    | {"description": "With verbose_json, srt or vtt; word needs an aligner."},
    "include": listed({"type": "string", "enum": ["logprobs"]}) | {"description": "With json."},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    "stream": {"type": "boolean", "default": False, "description": "With json or text: a stream of events."},
    "chunking_strategy": {
        "oneOf": [{"type": "string", "enum": ["auto"]}, _SERVER_VAD],
        "default": "auto",
        "description": "How it is cut: JSON, or chunking_strategy[type] and so on.",
    },
}
"""Lists may be written `name[]` too."""

OPENAI_BODY = form({"file": AUDIO_FILE}, OPTIONS)

_USAGE = obj({"type": {"type": "string", "enum": ["duration"]}, "seconds": NUMBER})
_LOGPROBS = listed(obj({"token": TEXT, "logprob": NUMBER, "bytes": listed(COUNT)}))
_WARNINGS = listed(obj({"code": TEXT, "message": TEXT, "start": NUMBER, "end": NUMBER}))
_LANGUAGES = listed(obj({"code": TEXT, "name": TEXT}))

_BRIEF: Schema = obj(
    {"text": TEXT, "language": TEXT, "languages": _LANGUAGES, "usage": _USAGE},
    {"logprobs": _LOGPROBS, "warnings": _WARNINGS},
)
_BRIEF_EXAMPLE: dict[str, Any] = {
    "text": "one two three",
    "language": "English",
    "languages": [{"code": "en", "name": "English"}],
    "usage": {"type": "duration", "seconds": 2.5},
}

_SEGMENT = obj(
    {
        "id": COUNT,
        "seek": COUNT,
        "start": NUMBER,
        "end": NUMBER,
        "text": TEXT,
        "tokens": listed(COUNT),
        "temperature": NUMBER,
        "avg_logprob": NULLABLE_NUMBER,
        "compression_ratio": NUMBER,
        "no_speech_prob": NULLABLE_NUMBER,
    }
)
_VERBOSE: Schema = obj(
    {"task": TEXT, "language": TEXT, "duration": NUMBER, "text": TEXT, "languages": _LANGUAGES, "usage": _USAGE},
    {
        "segments": listed(_SEGMENT),
        "words": listed(obj({"word": TEXT, "start": NUMBER, "end": NUMBER})),
        "logprobs": _LOGPROBS,
        "warnings": _WARNINGS,
    },
)

_SRT = "1\n00:00:00,180 --> 00:00:02,340\none two three\n"
_VTT = "WEBVTT\n\n00:00:00.180 --> 00:00:02.340\none two three\n"
_EVENTS = (
    'data: {"type": "transcript.text.delta", "delta": "one two"}\n\n'
    'data: {"type": "transcript.text.delta", "delta": " three"}\n\n'
    'data: {"type": "transcript.text.done", "text": "one two three", "language": "English", '
    '"languages": [{"code": "en", "name": "English"}], "usage": {"type": "duration", "seconds": 2.5}}\n\n'
)

_TRANSCRIPTION = json_answer(
    "What was said; JSON of response_format json or verbose_json.",
    {"anyOf": [_BRIEF, _VERBOSE]},
    _BRIEF_EXAMPLE,
    headers=_HEADERS,
)
_TRANSCRIPTION["content"] |= {
    "text/plain": {"schema": TEXT, "example": "one two three\n"},
    "application/x-subrip": {"schema": TEXT, "example": _SRT},
    "text/vtt": {"schema": TEXT, "example": _VTT},
    "text/event-stream": {"schema": TEXT, "example": _EVENTS},
}

OPENAI_RESPONSES: Responses = {200: _TRANSCRIPTION, **openai_errors(*_FAILURES), **MODEL_MISSING}

TRANSLATION_RESPONSES: Responses = openai_errors(501)
