"""/cluster and /metrics in /openapi.json."""

from __future__ import annotations

from typing import Any

from harken.api.schema.parts import (
    BOOLEAN,
    COUNT,
    NULLABLE_NUMBER,
    NULLABLE_TEXT,
    NUMBER,
    TEXT,
    Responses,
    choice,
    json_answer,
    listed,
    obj,
    openai_errors,
)
from harken.types import Priority

_NULLABLE_COUNT = {"type": ["integer", "null"], "minimum": 0}
_CLASS = choice(Priority)

_SERVER = obj(
    {
        "name": TEXT,
        "kind": {"type": "string", "enum": ["gateway", "instance"]},
        "version": TEXT,
        "status": TEXT,
        "is_ready": BOOLEAN,
        "model": TEXT,
        "revision": TEXT,
        "uptime_s": NUMBER,
        "loop_lag_s": NUMBER,
        "can_change": BOOLEAN,
        "change": NULLABLE_TEXT,
    }
)
_GPU = obj(
    {
        "index": COUNT,
        "name": TEXT,
        "busy": NULLABLE_NUMBER,
        "memory_bytes": COUNT,
        "memory_total_bytes": COUNT,
    }
)
_MACHINE = obj(
    {
        "cores": COUNT,
        "cpu_busy": NULLABLE_NUMBER,
        "memory_bytes": _NULLABLE_COUNT,
        "memory_total_bytes": _NULLABLE_COUNT,
        "gpus": listed(_GPU),
    }
)
_INSTANCE = obj(
    {
        "name": TEXT,
        "url": TEXT,
        "state": TEXT,
        "device": TEXT,
        "model": TEXT,
        "in_flight": COUNT,
        "limit": COUNT,
        "slots": COUNT,
        "segments": COUNT,
        "success": NULLABLE_NUMBER,
        "rtfx": NUMBER,
        "last_success_s": NULLABLE_NUMBER,
        "memory_bytes": _NULLABLE_COUNT,
        "gpu_memory_bytes": _NULLABLE_COUNT,
        "loop_lag_s": NUMBER,
        "restarts": COUNT,
        "pid": _NULLABLE_COUNT,
        "ejected": TEXT,
        "detail": TEXT,
    }
)
_QUEUE = obj(
    {
        "segments": COUNT,
        "audio_s": NUMBER,
        "limit_audio_s": NUMBER,
        "oldest_wait_s": NUMBER,
        "classes": listed(obj({"class": _CLASS, "segments": COUNT, "audio_s": NUMBER})),
    }
)
_LIVE = obj(
    {
        "sessions": COUNT,
        "limit": COUNT,
        "speaking": COUNT,
        "away": COUNT,
        "opened": COUNT,
        "refused": COUNT,
        "turns": COUNT,
        "at_odds": COUNT,
        "audio_s": NUMBER,
        "drafts": COUNT,
        "draft_s": NULLABLE_NUMBER,
        "final_p50_s": NULLABLE_NUMBER,
        "final_p95_s": NULLABLE_NUMBER,
    }
)
_NOW = obj(
    {
        "window_s": NUMBER,
        "in_progress": COUNT,
        "requests": COUNT,
        "failed": COUNT,
        "requests_per_s": NUMBER,
        "rtfx": NUMBER,
        "success": NULLABLE_NUMBER,
        "p50_s": NULLABLE_NUMBER,
        "p95_s": NULLABLE_NUMBER,
        "p99_s": NULLABLE_NUMBER,
        "first_text_p50_s": NULLABLE_NUMBER,
    }
)
_SERIES = obj(
    {
        "step_s": NUMBER,
        "at": listed(NUMBER),
        "requests": listed(COUNT),
        "failed": listed(COUNT),
        "audio_s": listed(NUMBER),
        "p50_s": listed(NULLABLE_NUMBER),
        "p95_s": listed(NULLABLE_NUMBER),
        "p99_s": listed(NULLABLE_NUMBER),
        "queued_audio_s": listed(NUMBER),
        "speaking": listed(COUNT),
        "final_p95_s": listed(NULLABLE_NUMBER),
    }
)
_STRETCH = {"began_s": NUMBER, "took_s": NUMBER, "outcome": TEXT}
_SEGMENT = obj(
    {
        "index": COUNT,
        "start_s": NUMBER,
        "audio_s": NUMBER,
        **_STRETCH,
        "queue_s": NUMBER,
        "tries": listed(obj({"target": TEXT, **_STRETCH})),
    }
)
_REQUEST = obj(
    {
        "id": TEXT,
        "began_at": NUMBER,
        "route": TEXT,
        "class": _CLASS,
        "key": NULLABLE_TEXT,
        "outcome": TEXT,
        "status": _NULLABLE_COUNT,
        "audio_s": NULLABLE_NUMBER,
        "wall_s": NULLABLE_NUMBER,
        "first_text_s": NULLABLE_NUMBER,
        "upload_s": NULLABLE_NUMBER,
        "segments_in_all": COUNT,
        "segments": listed(_SEGMENT),
    }
)
_ERROR = obj({"code": TEXT, "count": COUNT, "last_at": NUMBER})
_CLUSTER = obj(
    {
        "object": {"type": "string", "enum": ["harken.cluster"]},
        "at": NUMBER,
        "server": _SERVER,
        "machine": _MACHINE,
        "instances": listed(_INSTANCE),
        "queue": _QUEUE,
        "live": {"anyOf": [_LIVE, {"type": "null"}]},
        "now": _NOW,
        "series": _SERIES,
        "requests": listed(_REQUEST),
        "errors": listed(_ERROR),
    }
)
_EXAMPLE: dict[str, Any] = {
    "object": "harken.cluster",
    "at": 1790000000.25,
    "server": {
        "name": "gateway",
        "kind": "gateway",
        "version": "0.1.0",
        "status": "healthy",
        "is_ready": True,
        "model": "Qwen/Qwen3-ASR-1.7B",
        "revision": "main",
        "uptime_s": 812.4,
        "loop_lag_s": 0.002,
        "can_change": True,
        "change": None,
    },
    "machine": {"cores": 2, "cpu_busy": 0.41, "memory_bytes": 3 << 30, "memory_total_bytes": 24 << 30, "gpus": []},
    "instances": [],
    "queue": {"segments": 0, "audio_s": 0.0, "limit_audio_s": 3600.0, "oldest_wait_s": 0.0, "classes": []},
    "live": {
        "sessions": 3,
        "limit": 500,
        "speaking": 2,
        "away": 0,
        "opened": 9,
        "refused": 0,
        "turns": 40,
        "at_odds": 1,
        "audio_s": 120.5,
        "drafts": 200,
        "draft_s": 0.12,
        "final_p50_s": 0.2,
        "final_p95_s": 0.4,
    },
    "now": {
        "window_s": 60.0,
        "in_progress": 0,
        "requests": 0,
        "failed": 0,
        "requests_per_s": 0.0,
        "rtfx": 0.0,
        "success": None,
        "p50_s": None,
        "p95_s": None,
        "p99_s": None,
        "first_text_p50_s": None,
    },
    "series": {
        "step_s": 5.0,
        "at": [],
        "requests": [],
        "failed": [],
        "audio_s": [],
        "p50_s": [],
        "p95_s": [],
        "p99_s": [],
        "queued_audio_s": [],
        "speaking": [],
        "final_p95_s": [],
    },
    "requests": [],
    "errors": [],
}

CLUSTER_RESPONSES: Responses = {
    200: json_answer("Everything that the dashboard shows.", _CLUSTER, _EXAMPLE),
    **openai_errors(400),
}
CLUSTER_EVENTS_RESPONSES: Responses = {
    200: {
        "description": "The same document once a second.",
        "content": {
            "text/event-stream": {
                "schema": obj({"event": {"type": "string", "enum": ["cluster"]}, "data": TEXT}),
                "example": {"event": "cluster", "data": '{"object": "harken.cluster"}'},
            }
        },
    },
    **openai_errors(400, 503),
}
METRICS_RESPONSES: Responses = {
    200: {
        "description": "Prometheus's text form.",
        "content": {"text/plain": {"schema": TEXT, "example": "# TYPE harken_ready gauge\nharken_ready 1.0\n"}},
    },
    **openai_errors(400),
}
