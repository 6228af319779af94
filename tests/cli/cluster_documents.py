"""Documents of clusters, for tests of what draws them."""

from __future__ import annotations

from typing import Any


def instance(name: str = "asr-1", **change: Any) -> dict[str, Any]:
    """One that does its work."""
    return {
        "name": name,
        "url": "http://127.0.0.1:7861",
        "state": "ready",
        "device": "cpu",
        "model": "digits",
        "in_flight": 2,
        "limit": 4,
        "slots": 8,
        "segments": 312,
        "success": 0.997,
        "rtfx": 26.0,
        "last_success_s": 0.4,
        "memory_bytes": 402 << 20,
        "gpu_memory_bytes": None,
        "loop_lag_s": 0.001,
        "restarts": 0,
        "pid": 4242,
        "ejected": "",
        "detail": "",
    } | change


def request(name: str = "req_1", **change: Any) -> dict[str, Any]:
    """One that was done on asr-1."""
    return {
        "id": name,
        "began_at": 1_790_000_000.0,
        "route": "/asr",
        "class": "interactive",
        "key": None,
        "outcome": "done",
        "status": 200,
        "audio_s": 6.2,
        "wall_s": 0.31,
        "first_text_s": None,
        "upload_s": 0.01,
        "segments_in_all": 1,
        "segments": [segment([("asr-1", "done")])],
    } | change


def segment(tries: list[tuple[str, str]], outcome: str = "done") -> dict[str, Any]:
    """The first one, tried on these."""
    stretch = {"began_s": 0.02, "took_s": 0.28}
    return {
        "index": 0,
        "start_s": 0.0,
        "audio_s": 6.2,
        **stretch,
        "outcome": outcome,
        "queue_s": 0.01,
        "tries": [{"target": target, **stretch, "outcome": how} for target, how in tries],
    }


def document(
    instances: list[dict[str, Any]] | None = None, requests: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """A gateway that is well."""
    lines = [instance()] if instances is None else instances
    return {
        "object": "harken.cluster",
        "at": 1_790_000_000.25,
        "server": {
            "name": "gateway",
            "kind": "gateway",
            "version": "0.1.0",
            "status": "healthy",
            "is_ready": True,
            "model": "digits",
            "revision": "r1",
            "uptime_s": 812.4,
            "loop_lag_s": 0.002,
            "can_change": True,
            "change": None,
        },
        "machine": {
            "cores": 2,
            "cpu_busy": 0.41,
            "memory_bytes": 3 << 30,
            "memory_total_bytes": 24 << 30,
            "gpus": [],
        },
        "instances": lines,
        "queue": {
            "segments": 0,
            "audio_s": 0.0,
            "limit_audio_s": 3600.0,
            "oldest_wait_s": 0.0,
            "classes": [{"class": "interactive", "segments": 0, "audio_s": 0.0}],
        },
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
            "in_progress": 6,
            "requests": 840,
            "failed": 0,
            "requests_per_s": 14.0,
            "rtfx": 52.1,
            "success": 1.0,
            "p50_s": 0.09,
            "p95_s": 0.2,
            "p99_s": 0.41,
            "first_text_p50_s": None,
        },
        "series": {
            "step_s": 5.0,
            "at": [1.0, 6.0, 11.0],
            "requests": [70, 35, 1],
            "failed": [0, 0, 0],
            "audio_s": [260.0, 130.0, 1.0],
            "p50_s": [0.09, None, None],
            "p95_s": [0.2, None, None],
            "p99_s": [0.4, None, None],
            "queued_audio_s": [0.0, 0.0, 0.0],
        },
        "requests": [request()] if requests is None else requests,
        "errors": [],
    }
