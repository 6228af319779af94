"""/v1/models in /openapi.json."""

from __future__ import annotations

from harken.api.schema.parts import (
    NUMBER,
    TEXT,
    Responses,
    Schema,
    json_answer,
    listed,
    obj,
    openai_error,
    openai_errors,
    path_parameter,
)
from harken.types import Wish

MODEL_MISSING: Responses = {
    404: openai_error(404, "The request names another model.", "model_not_found", "That model is not served here."),
}

_ALIGNER = obj({"id": TEXT, "revision": TEXT, "languages": listed(TEXT)}) | {
    "type": ["object", "null"],
    "description": "What times words; null where nothing does.",
}

_LACKS = listed({"type": "string", "enum": [wish.value for wish in Wish]}) | {
    "description": "What it cannot do; a request that wants it is refused.",
}

_MODEL: Schema = obj(
    {
        "id": TEXT,
        "object": {"type": "string", "enum": ["model"]},
        "created": {"type": "integer", "description": "When this server started, in seconds since 1970."},
        "owned_by": TEXT,
        "revision": TEXT,
        "max_segment_s": NUMBER,
        "languages": listed(TEXT),
        "aligner": _ALIGNER,
        "lacks": _LACKS,
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
    "aligner": {"id": "Qwen/Qwen3-ForcedAligner-0.6B", "revision": "d4e5f6", "languages": ["Chinese", "English"]},
    "lacks": [],
}

MODEL_PARAMETERS = {
    "parameters": [path_parameter("name", "The served name (slashes as they are), its last part, or whisper-1.")]
}

MODEL_RESPONSES: Responses = {
    200: json_answer("The model.", _MODEL, _MODEL_EXAMPLE),
    **MODEL_MISSING,
    **openai_errors(503),
}
MODELS_RESPONSES: Responses = {
    200: json_answer(
        "A list of one.",
        obj({"object": {"type": "string", "enum": ["list"]}, "data": listed(_MODEL)}),
        {"object": "list", "data": [_MODEL_EXAMPLE]},
    ),
    **openai_errors(503),
}
