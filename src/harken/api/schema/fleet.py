"""The fleet's part of /admin in /openapi.json."""

from __future__ import annotations

from harken.api.schema.parts import COUNT, Responses, json_answer, json_body, obj, openai_errors, path_parameter

SCALE_BODY = json_body(
    obj({"count": COUNT | {"description": "Instances that shall be in service."}}) | {"additionalProperties": False},
    {"count": 4},
)
SCALE_RESPONSES: Responses = {
    200: json_answer(
        "How many were in service before, and are now.", obj({"before": COUNT, "now": COUNT}), {"before": 2, "now": 4}
    ),
    **openai_errors(400, 409, 413, 500, 501, 503, 504),
}

INSTANCE_PARAMETERS = {"parameters": [path_parameter("name", "The name of an instance, such as asr-1.")]}
INSTANCE_RESPONSES: Responses = {
    200: json_answer("What was done.", {"type": "object"}, {"restarted": ["asr-1"]}),
    **openai_errors(400, 404, 409, 500, 501, 503),
}
