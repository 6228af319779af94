"""What /openapi.json says about bodies and answers, which the framework cannot see: our routes read and write them raw.

Data only: one constant per route for its form, one for its answers. Tests send the documented fields, and compare real
answers with the documented ones.
"""

from __future__ import annotations

from typing import Any

Responses = dict[int | str, dict[str, Any]]

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}

_LANGUAGE = {
    "type": "string",
    "default": "auto",
    "description": "A language's name or code in any case, or auto to detect it.",
    "examples": ["auto", "English", "zh"],
}

_FILE = {"type": "string", "format": "binary", "description": "Any audio or video container, any length in the limits."}

_HEADERS = {
    "X-Request-Id": {"schema": _TEXT, "description": "The client's own X-Request-Id, else a new one."},
    "X-Harken-Instance": {
        "schema": _TEXT,
        "description": "Names of the instances that recognised it, comma separated.",
    },
    "X-Harken-Incomplete": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "Present when the model ran into its length cap: words may be missing.",
    },
}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def _form(required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    schema = _object(required, optional) | {"additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _json(description: str, schema: dict[str, Any], example: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}, **more}


_REFUSALS = {
    400: ("The form, the audio or an option is wrong.", "missing_audio", "No audio file was provided."),
    413: ("Too many bytes, or too many seconds.", "upload_too_large", "The upload is too large."),
    500: ("A defect, or the engine failed.", "internal_error", "Something went wrong inside the server."),
    502: ("The instance at work failed, and so did the others tried.", "instance_failed", "The instance failed."),
    503: ("Not now; Retry-After says when.", "queue_full", "Too much audio is waiting already."),
    504: ("It waited or ran too long.", "timed_out", "The request took too long."),
}

_PLAIN_ERROR = _object({"error": _TEXT, "code": _TEXT})

_NULLABLE = {"type": ["string", "null"]}
_OPENAI_ERROR = _object(
    {"error": _object({"message": _TEXT, "type": _TEXT, "param": _NULLABLE, "code": _TEXT})},
)


def _plain_errors() -> Responses:
    return {
        status: _json(description, _PLAIN_ERROR, {"error": message, "code": code})
        for status, (description, code, message) in _REFUSALS.items()
    }


def _openai_error(status: int, description: str, code: str, message: str) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    example = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return _json(description, _OPENAI_ERROR, example)


def _openai_errors(*statuses: int) -> Responses:
    return {status: _openai_error(status, *_REFUSALS[status]) for status in statuses}


_MODEL_MISSING: Responses = {
    404: _openai_error(404, "The request names another model.", "model_not_found", "That model is not served here."),
}

ASR_BODY = _form({"audio": _FILE}, {"language": _LANGUAGE})

ASR_RESPONSES: Responses = {
    200: _json(
        "What was said.",
        _object({"text": _TEXT, "language": _TEXT, "status": {"type": "string", "enum": ["success"]}}),
        {"text": "one two three", "language": "English", "status": "success"},
        headers=_HEADERS,
    ),
    **_plain_errors(),
}

OPENAI_BODY = _form(
    {"file": _FILE},
    {
        "model": {"type": "string", "description": "The served name, its last part, or whisper-1; may be left out."},
        "language": _LANGUAGE,
        "prompt": {"type": "string", "description": "Context: names and terms that may occur; at most 512 tokens."},
        "response_format": {"type": "string", "enum": ["json", "text"], "default": "json"},
        "temperature": {"type": "number", "enum": [0], "default": 0},
        "stream": {"type": "boolean", "enum": [False], "default": False},
        "chunking_strategy": {"type": "string", "enum": ["auto"], "default": "auto"},
    },
)

_USAGE = _object({"type": {"type": "string", "enum": ["duration"]}, "seconds": _NUMBER})
_TRANSCRIPTION = _json(
    "What was said.",
    _object({"text": _TEXT, "language": _TEXT, "usage": _USAGE}),
    {"text": "one two three", "language": "English", "usage": {"type": "duration", "seconds": 2.5}},
    headers=_HEADERS,
)
_TRANSCRIPTION["content"]["text/plain"] = {"schema": _TEXT, "example": "one two three\n"}

OPENAI_RESPONSES: Responses = {200: _TRANSCRIPTION, **_openai_errors(*_REFUSALS), **_MODEL_MISSING}

_MODEL = _object(
    {
        "id": _TEXT,
        "object": {"type": "string", "enum": ["model"]},
        "created": {"type": "integer", "description": "When this server started, in seconds since 1970."},
        "owned_by": _TEXT,
        "revision": _TEXT,
        "max_segment_s": _NUMBER,
        "languages": {"type": "array", "items": _TEXT},
    }
)
_MODEL_EXAMPLE = {
    "id": "Qwen/Qwen3-ASR-1.7B",
    "object": "model",
    "created": 1790000000,
    "owned_by": "harken",
    "revision": "a1b2c3",
    "max_segment_s": 30.0,
    "languages": ["Chinese", "English"],
}

MODEL_PARAMETERS = {
    "parameters": [
        {
            "name": "name",
            "in": "path",
            "required": True,
            "schema": _TEXT,
            "description": "The served name (slashes as they are), its last part, or whisper-1.",
        }
    ]
}

MODEL_RESPONSES: Responses = {
    200: _json("The model.", _MODEL, _MODEL_EXAMPLE),
    **_MODEL_MISSING,
    **_openai_errors(503),
}
MODELS_RESPONSES: Responses = {
    200: _json(
        "A list of one.",
        _object({"object": {"type": "string", "enum": ["list"]}, "data": {"type": "array", "items": _MODEL}}),
        {"object": "list", "data": [_MODEL_EXAMPLE]},
    ),
    **_openai_errors(503),
}

_COUNT = {"type": "integer"}
_INSTANCE = _object(
    {
        "name": _TEXT,
        "url": _TEXT,
        "state": _TEXT,
        "in_flight": _COUNT,
        "slots": _COUNT,
        "restarts": _COUNT,
        "pid": {"type": ["integer", "null"]},
        "detail": _TEXT,
    }
)
_HEALTH = _object(
    {
        "status": {"type": "string", "enum": ["healthy", "degraded", "starting", "draining", "unhealthy"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "instance": {"type": "string", "description": "The name of the server that answers."},
        "model": _TEXT,
        "queued_audio_s": _NUMBER,
        "instances": {"type": "array", "items": _INSTANCE},
    }
)


def _health_example(status: str) -> dict[str, Any]:
    return {
        "status": status,
        "timestamp": "2026-11-22T16:00:00.000+00:00",
        "instance": "gateway",
        "model": "Qwen/Qwen3-ASR-1.7B",
        "queued_audio_s": 0.0,
        "instances": [],
    }


HEALTH_RESPONSES: Responses = {
    200: _json("A recording sent now would be recognised.", _HEALTH, _health_example("healthy")),
    503: _json("It would not.", _HEALTH, _health_example("starting")),
}

_WORD = _object({"status": _TEXT})
LIVE_RESPONSES: Responses = {200: _json("The process answers.", _WORD, {"status": "alive"})}
READY_RESPONSES: Responses = {
    200: _json("Traffic may come.", _WORD, {"status": "ready"}),
    503: _json("It may not.", _WORD, {"status": "not ready"}),
}

ROOT_RESPONSES: Responses = {
    200: _json(
        "Name, version, and the routes worth knowing.",
        _object({"name": _TEXT, "version": _TEXT, "server": _TEXT, "routes": {"type": "object"}}),
        {"name": "harken", "version": "0.1.0", "server": "gateway", "routes": {"POST /asr": "transcribe a recording"}},
    ),
}
