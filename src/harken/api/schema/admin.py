"""/admin in /openapi.json."""

from __future__ import annotations

from harken.api.schema.health import HEALTH_RESPONSES
from harken.api.schema.parts import (
    BOOLEAN,
    NULLABLE_NUMBER,
    TEXT,
    Responses,
    choice,
    json_answer,
    json_body,
    listed,
    obj,
    openai_errors,
    path_parameter,
)
from harken.types import Priority

_TIME = {"type": "integer", "description": "Seconds since 1970."}
_NULLABLE_TIME = {"type": ["integer", "null"], "description": "Seconds since 1970."}
_REQUESTS = {"type": ["integer", "null"], "minimum": 0, "description": "null: as configured; 0: no limit."}
_AUDIO = {**NULLABLE_NUMBER, "minimum": 0, "description": "null: as configured; 0: no limit."}

_PRIORITY = choice(Priority) | {"description": "The highest class that it may ask for."}

_KEY = {
    "id": TEXT,
    "object": {"type": "string", "enum": ["api_key"]},
    "name": TEXT,
    "prefix": TEXT,
    "is_admin": BOOLEAN,
    "requests_per_minute": _REQUESTS,
    "audio_s_per_minute": _AUDIO,
    "priority": _PRIORITY,
    "created_at": _TIME,
    "last_used_at": _NULLABLE_TIME,
    "revoked_at": _NULLABLE_TIME,
}
_EXAMPLE = {
    "id": "key_0123456789abcdef",
    "object": "api_key",
    "name": "transcripts",
    "prefix": "hk_Ab3dEf",
    "is_admin": False,
    "requests_per_minute": 60,
    "audio_s_per_minute": None,
    "priority": "interactive",
    "created_at": 1790000000,
    "last_used_at": None,
    "revoked_at": None,
}
_SECRET = "hk_Ab3dEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg"  # noqa: S105 - an example

_ERRORS = openai_errors(400, 503)

KEYS_RESPONSES: Responses = {
    200: json_answer(
        "All keys, revoked ones too.",
        obj({"object": {"type": "string", "enum": ["list"]}, "data": listed(obj(_KEY))}),
        {"object": "list", "data": [_EXAMPLE]},
    ),
    **openai_errors(400, 501, 503),
}

ADD_KEY_BODY = json_body(
    obj(
        {"name": TEXT},
        {
            "is_admin": BOOLEAN,
            "requests_per_minute": _REQUESTS,
            "audio_s_per_minute": _AUDIO,
            "priority": _PRIORITY | {"default": Priority.INTERACTIVE.value},
        },
    )
    | {"additionalProperties": False},
    {"name": "transcripts", "requests_per_minute": 60},
)
ADD_KEY_RESPONSES: Responses = {
    201: json_answer(
        "The key; its secret is told here and never again.",
        obj({**_KEY, "secret": TEXT}),
        {**_EXAMPLE, "secret": _SECRET},
    ),
    **_ERRORS,
    **openai_errors(413, 501, 504, 507),
}

REVOKE_PARAMETERS = {"parameters": [path_parameter("id_or_name", "The id of a key in use, or its name.")]}
REVOKE_RESPONSES: Responses = {
    200: json_answer("The key, which opens nothing any more.", obj(_KEY), {**_EXAMPLE, "revoked_at": 1790000100}),
    **openai_errors(400, 404, 501, 503, 507),
}

INSTANCES_RESPONSES: Responses = {
    200: HEALTH_RESPONSES[200] | {"description": "As it is now, ready or not."},
    **openai_errors(400),
}
