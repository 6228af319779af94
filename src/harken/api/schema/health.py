"""/health, its short forms, and the sign on the door in /openapi.json."""

from __future__ import annotations

from typing import Any

from harken.api.schema.parts import COUNT, NULLABLE_NUMBER, NUMBER, TEXT, Responses, json_answer, listed, obj

_INSTANCE = obj(
    {
        "name": TEXT,
        "url": TEXT,
        "state": TEXT,
        "in_flight": COUNT,
        "slots": COUNT,
        "limit": COUNT,
        "last_success_s": NULLABLE_NUMBER,
        "loop_lag_s": NUMBER,
        "ejected": TEXT,
        "restarts": COUNT,
        "pid": {"type": ["integer", "null"]},
        "detail": TEXT,
    }
)
_HEALTH = obj(
    {
        "status": {"type": "string", "enum": ["healthy", "degraded", "starting", "draining", "unhealthy"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "instance": {"type": "string", "description": "The name of the server that answers."},
        "model": TEXT,
        "queued_audio_s": NUMBER,
        "loop_lag_s": NUMBER,
        "instances": listed(_INSTANCE),
    }
)


def _health_example(status: str) -> dict[str, Any]:
    return {
        "status": status,
        "timestamp": "2026-11-22T16:00:00.000+00:00",
        "instance": "gateway",
        "model": "Qwen/Qwen3-ASR-1.7B",
        "queued_audio_s": 0.0,
        "loop_lag_s": 0.001,
        "instances": [],
    }


HEALTH_RESPONSES: Responses = {
    200: json_answer("A recording sent now would be recognised.", _HEALTH, _health_example("healthy")),
    503: json_answer("It would not.", _HEALTH, _health_example("starting")),
}

_WORD = obj({"status": TEXT})
LIVE_RESPONSES: Responses = {200: json_answer("The process answers.", _WORD, {"status": "alive"})}
READY_RESPONSES: Responses = {
    200: json_answer("Traffic may come.", _WORD, {"status": "ready"}),
    503: json_answer("It may not.", _WORD, {"status": "not ready"}),
}

ROOT_RESPONSES: Responses = {
    200: json_answer(
        "Name, version, and the routes worth knowing.",
        obj({"name": TEXT, "version": TEXT, "server": TEXT, "routes": {"type": "object"}}),
        {"name": "harken", "version": "0.1.0", "server": "gateway", "routes": {"POST /asr": "transcribe a recording"}},
    ),
}
