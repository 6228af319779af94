"""The building blocks of /openapi.json: objects, forms, answers with an example, and the errors of each status.

Knows nothing of single routes. The invariant: an answer has an example, and an error's example has the shape and the
code that `harken.api.errors` really writes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}
NULLABLE_TEXT: Schema = {"type": ["string", "null"]}
NULLABLE_NUMBER: Schema = {"type": ["number", "null"]}

AUDIO_FILE: Schema = {
    "type": "string",
    "format": "binary",
    "description": "Any audio or video container, any length in the limits.",
}


def obj(required: Schema, optional: Schema | None = None) -> Schema:
    """An object with members that are always there and members that may be."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def listed(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def choice(kind: type[StrEnum]) -> Schema:
    """A text that is one of an enumeration's."""
    return {"type": "string", "enum": [member.value for member in kind]}


def form(required: Schema, optional: Schema) -> dict[str, Any]:
    """A route's `openapi_extra`: a multipart form with these fields and no other."""
    schema = obj(required, optional) | {"additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def json_body(schema: Schema, example: dict[str, Any]) -> dict[str, Any]:
    """A route's `openapi_extra`: a JSON body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def path_parameter(name: str, description: str) -> dict[str, Any]:
    """A part of a route's `openapi_extra["parameters"]`: text in the address."""
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "description": description}


def query_parameter(name: str, schema: Schema, description: str) -> dict[str, Any]:
    """The same, behind the question mark; never required."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def header_parameter(name: str, schema: Schema, description: str) -> dict[str, Any]:
    """The same, in the head of the request."""
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def json_answer(description: str, schema: Schema, example: Any, **more: Any) -> dict[str, Any]:
    """An answer in JSON with its example; `more` may have headers."""
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}, **more}


_ERRORS = {
    400: ("The form, the audio or an option is wrong.", "missing_audio", "No audio file was provided."),
    401: ("A key is needed, and none or a wrong one was sent.", "invalid_api_key", "A valid API key is needed."),
    403: ("The key is valid, but not for this.", "not_permitted", "This needs an admin key."),
    404: ("There is no such thing.", "not_found", "There is nothing at this address."),
    409: ("The state does not allow it.", "job_conflict", "The state of the job does not allow that."),
    413: ("Too many bytes, or too many seconds.", "upload_too_large", "The upload is too large."),
    429: ("The key's limit is reached; Retry-After says when.", "rate_limit_exceeded", "The rate limit is reached."),
    500: ("A defect, or the engine failed.", "internal_error", "Something went wrong inside the server."),
    501: ("This is not offered.", "not_offered", "This server does not offer that."),
    502: ("The instance at work failed, and so did the others tried.", "instance_failed", "The instance failed."),
    503: ("Not now; Retry-After says when.", "queue_full", "Too much audio is waiting already."),
    504: ("It waited or ran too long.", "timed_out", "The request took too long."),
    507: ("The disk is full.", "storage_full", "The server has no room to store this recording."),
}

_PLAIN_ERROR = obj({"error": TEXT, "code": TEXT})

_OPENAI_ERROR = obj({"error": obj({"message": TEXT, "type": TEXT, "param": NULLABLE_TEXT, "code": TEXT})})


def plain_errors(*statuses: int) -> Responses:
    """The answers of `/asr` to what goes wrong."""
    found: Responses = {}
    for status in statuses:
        description, code, message = _ERRORS[status]
        found[status] = json_answer(description, _PLAIN_ERROR, {"error": message, "code": code})
    return found


def openai_error(status: int, description: str, code: str, message: str) -> dict[str, Any]:
    """One answer in OpenAI's shape."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    example = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return json_answer(description, _OPENAI_ERROR, example)


def openai_errors(*statuses: int) -> Responses:
    """The usual answers in OpenAI's shape; 401, 403 and 429 are added to every route that needs a key."""
    return {status: openai_error(status, *_ERRORS[status]) for status in statuses}
