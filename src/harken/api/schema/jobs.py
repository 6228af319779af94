"""`/v1/jobs` in /openapi.json."""

from __future__ import annotations

from typing import Any

from harken.api.job_form import OPTION_KINDS
from harken.api.schema.models import MODEL_MISSING
from harken.api.schema.parts import (
    AUDIO_FILE,
    COUNT,
    NULLABLE_NUMBER,
    NULLABLE_TEXT,
    NUMBER,
    TEXT,
    Responses,
    Schema,
    choice,
    json_answer,
    listed,
    obj,
    openai_errors,
    path_parameter,
    query_parameter,
)
from harken.api.schema.transcription import OPTIONS
from harken.jobs import FileState, JobState, WebhookState
from harken.transcribe.form import Form

_METADATA: Schema = {"type": "object", "additionalProperties": TEXT, "maxProperties": 16}

_OWN: Schema = {
    "name": TEXT | {"description": "What you call it; comes back as it is."},
    "metadata": _METADATA | {"description": "Your own words about it; as JSON, or metadata[name]=value."},
    "webhook": TEXT | {"format": "uri", "description": "Where the end of the job is told, signed (Standard Webhooks)."},
    "paths": listed(TEXT) | {"description": "Files of the server, where it allows that."},
}
_OPTIONS: Schema = {name: OPTIONS[name] for name in OPTION_KINDS if name in OPTIONS}

_FORM = obj(
    {}, {"file": listed(AUDIO_FILE) | {"description": "One or many; also files, file[], files[]."}} | _OWN | _OPTIONS
)
_JSON = obj({"paths": _OWN["paths"]}, _OWN | _OPTIONS)

_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": TEXT | {"maxLength": 255},
    "description": "A second request with the same key gets the job of the first, with status 200.",
}

CREATE_BODY: dict[str, Any] = {
    "parameters": [_IDEMPOTENCY],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM | {"additionalProperties": False}},
            "application/json": {
                "schema": _JSON | {"additionalProperties": False},
                "example": {"paths": ["/srv/calls/monday.flac"], "language": "en"},
            },
        },
    },
}

_FILE_ERROR: Schema = obj({"code": TEXT, "message": TEXT}) | {"type": ["object", "null"]}
_FILE = obj(
    {
        "number": COUNT,
        "name": TEXT,
        "state": choice(FileState),
        "audio_s": NULLABLE_NUMBER,
        "done_s": NUMBER,
        "attempts": COUNT,
        "error": _FILE_ERROR,
    }
)
_COUNTS = obj(dict.fromkeys(("queued", "running", "done", "failed", "cancelled", "total"), COUNT))
_WEBHOOK = obj({"url": TEXT, "state": choice(WebhookState)}) | {"type": ["object", "null"]}
_MOMENT = NULLABLE_TEXT | {"format": "date-time"}
_JOB = obj(
    {
        "id": TEXT,
        "object": {"type": "string", "enum": ["job"]},
        "name": TEXT,
        "state": choice(JobState),
        "model": NULLABLE_TEXT,
        "response_format": choice(Form),
        "metadata": _METADATA,
        "counts": _COUNTS,
        "audio_s": NUMBER,
        "done_s": NUMBER,
        "created_at": TEXT | {"format": "date-time"},
        "started_at": _MOMENT,
        "ended_at": _MOMENT,
        "expires_at": _MOMENT,
        "webhook": _WEBHOOK,
    },
    {"files": listed(_FILE)},
)
_FILE_EXAMPLE = {
    "number": 0,
    "name": "monday.flac",
    "state": "done",
    "audio_s": 61.2,
    "done_s": 61.2,
    "attempts": 1,
    "error": None,
}
_EXAMPLE: dict[str, Any] = {
    "id": "job_1k9f3m2pw0h7t4v6x",
    "object": "job",
    "name": "",
    "state": "done",
    "model": "Qwen/Qwen3-ASR-1.7B",
    "response_format": "json",
    "metadata": {},
    "counts": {"queued": 0, "running": 0, "done": 1, "failed": 0, "cancelled": 0, "total": 1},
    "audio_s": 61.2,
    "done_s": 61.2,
    "created_at": "2026-11-22T16:00:00.000Z",
    "started_at": "2026-11-22T16:00:00.100Z",
    "ended_at": "2026-11-22T16:00:03.000Z",
    "expires_at": "2026-11-29T16:00:03.000Z",
    "webhook": None,
    "files": [_FILE_EXAMPLE],
}

_ALWAYS = (400, 404, 500, 501, 503, 507)
_JOB_ID = path_parameter("job_id", "The job's id.")
_FORMAT = query_parameter(
    "format", choice(Form), "The format; without it the response_format that the job was made with."
)


def _answer(description: str) -> dict[str, Any]:
    return json_answer(description, _JOB, _EXAMPLE)


CREATE_RESPONSES: Responses = {
    201: _answer("The job; it survives a crash from now on."),
    200: _answer("The job that this Idempotency-Key made before."),
    **openai_errors(400, 403, 413, 500, 501, 503, 504, 507),
    **MODEL_MISSING,
}

JOB_PARAMETERS = {"parameters": [_JOB_ID]}
GET_PARAMETERS = {
    "parameters": [
        _JOB_ID,
        query_parameter("files", {"type": "string", "enum": ["true", "false"]}, "Whether to list the files too."),
    ]
}
GET_RESPONSES: Responses = {200: _answer("The job."), **openai_errors(*_ALWAYS)}
CANCEL_RESPONSES: Responses = {200: _answer("The job, cancelled."), **openai_errors(409, *_ALWAYS)}
DELETE_RESPONSES: Responses = {
    200: json_answer(
        "It is gone.",
        obj({"id": TEXT, "object": {"type": "string", "enum": ["job"]}, "deleted": {"type": "boolean"}}),
        {"id": _EXAMPLE["id"], "object": "job", "deleted": True},
    ),
    **openai_errors(409, *_ALWAYS),
}

LIST_PARAMETERS = {
    "parameters": [
        query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "How many."),
        query_parameter("after", TEXT, "The id of a job: only older ones."),
    ]
}
LIST_RESPONSES: Responses = {
    200: json_answer(
        "A page of jobs.",
        obj(
            {
                "object": {"type": "string", "enum": ["list"]},
                "data": listed(_JOB),
                "has_more": {"type": "boolean"},
                "last_id": NULLABLE_TEXT,
            }
        ),
        {
            "object": "list",
            "data": [{name: value for name, value in _EXAMPLE.items() if name != "files"}],
            "has_more": False,
            "last_id": _EXAMPLE["id"],
        },
    ),
    **openai_errors(*_ALWAYS),
}

RESULT_PARAMETERS = {"parameters": [_JOB_ID, path_parameter("number", "The file's number, from 0."), _FORMAT]}
RESULT_RESPONSES: Responses = {
    200: {
        "description": "What was said, as a transcription request answers it.",
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": {"text": "one two three"}},
            "text/plain": {"schema": TEXT, "example": "one two three\n"},
            "application/x-subrip": {"schema": TEXT},
            "text/vtt": {"schema": TEXT},
        },
    },
    **openai_errors(409, *_ALWAYS),
}

RESULTS_PARAMETERS = {"parameters": [_JOB_ID, _FORMAT]}
RESULTS_RESPONSES: Responses = {
    200: {
        "description": "A line of JSON for each file: the file's own fields and `result` (JSON, a text, or null).",
        "content": {
            "application/x-ndjson": {
                "schema": TEXT,
                "example": '{"number": 0, "name": "a.flac", "state": "done", "result": {"text": "one two three"}}\n',
            }
        },
    },
    **openai_errors(409, *_ALWAYS),
}
