"""Documents as `/cluster` tells them, for pages that are tested without a cluster: pure.

A picture is a plain dict, so that a test says what is different about it. Everything is a function of the time and of
what is asked for: the same picture on every run.
"""

from __future__ import annotations

import math
from typing import Any

Picture = dict[str, Any]
MIB = 1024 * 1024


def picture(at: float, *, instances: int = 4, kind: str = "gateway", is_idle: bool = False) -> Picture:
    """A cluster that is well.

    Args:
        at: now, in seconds since 1970.
        instances: how many it has, all ready.
        kind: "gateway" or "instance".
        is_idle: nobody has sent anything.
    """
    lines = [instance(f"asr-{n + 1}", n, is_idle=is_idle) for n in range(instances)]
    return {
        "object": "harken.cluster",
        "at": at,
        "server": {
            "name": "gateway" if kind == "gateway" else "asr-1",
            "kind": kind,
            "version": "0.7.0",
            "status": "healthy",
            "is_ready": True,
            "model": "harken/digits",
            "revision": "3f0c9a1b2c",
            "uptime_s": 48_812.4,
            "loop_lag_s": 0.002,
            "can_change": kind == "gateway",
            "change": None,
        },
        "machine": {
            "cores": 16,
            "cpu_busy": 0.0 if is_idle else 0.41,
            "memory_bytes": 9_221 * MIB,
            "memory_total_bytes": 64_000 * MIB,
            "gpus": [],
        },
        "instances": lines,
        "queue": _queue(is_idle=is_idle),
        "live": _live(is_idle=is_idle),
        "now": _now(is_idle=is_idle),
        "series": _series(at, is_idle=is_idle),
        "requests": [] if is_idle else [_request(at, n) for n in range(24)],
        "errors": [],
    }


def instance(name: str, n: int = 0, *, is_idle: bool = False) -> Picture:
    """One ready instance."""
    return {
        "name": name,
        "url": f"http://127.0.0.1:{7861 + n}",
        "state": "ready",
        "device": "cpu",
        "model": "harken/digits",
        "in_flight": 0 if is_idle else (n * 3 + 2) % 5,
        "limit": 4,
        "slots": 8,
        "segments": 0 if is_idle else 312 - n % 9 * 7,
        "success": None if is_idle else 1.0,
        "rtfx": None if is_idle else 13.3 - n % 9 * 0.4,
        "last_success_s": None if is_idle else 0.4 + n % 9 * 0.1,
        "memory_bytes": (402 + n) * MIB,
        "gpu_memory_bytes": None,
        "loop_lag_s": 0.001,
        "restarts": 0,
        "pid": 4242 + n,
        "ejected": "",
        "detail": "",
    }


def dying(at: float) -> Picture:
    """One of four has just died: its segments were tried again elsewhere, and one request failed."""
    told = picture(at)
    told["server"]["status"] = "degraded"
    told["instances"][1] |= {
        "state": "starting", "in_flight": 0, "limit": 0, "success": 0.96, "rtfx": 9.1, "restarts": 1,
        "last_success_s": 6.2, "detail": "Its process was killed by SIGKILL; a new one is starting.",
    }  # fmt: skip
    told["requests"][0] = retried(at)
    told["requests"][1] |= {"outcome": "instance_failed", "status": 502}
    told["errors"] = [
        {"code": "instance_failed", "count": 3, "last_at": at - 5},
        {"code": "timed_out", "count": 1, "last_at": at - 1400},
    ]
    told["now"] |= {"failed": 3, "success": 0.9964}
    told["series"]["failed"][-3] = 3
    return told


def retried(at: float) -> Picture:
    """A request of three segments; the first one's instance died, the last one was in the cache."""
    first = {
        **_segment(0, 0.03, 1.9),
        "tries": [
            {"target": "asr-2", "began_s": 0.05, "took_s": 0.7, "outcome": "instance_failed"},
            {"target": "asr-3", "began_s": 0.82, "took_s": 1.1, "outcome": "done"},
        ],
    }
    cached = {**_segment(2, 0.04, 0.001), "outcome": "cached", "queue_s": None, "tries": []}
    return {
        **_request(at, 0),
        "id": "req_retried",
        "audio_s": 62.0,
        "wall_s": 1.96,
        "segments_in_all": 3,
        "segments": [first, _segment(1, 0.04, 1.2), cached],
    }


def _request(at: float, n: int) -> Picture:
    audio_s = 2.0 + (n * 37 % 50) / 4
    wall_s = 0.08 + (n * 29 % 17) / 60
    running = n < 2
    return {
        "id": f"req_{n:02d}1m8nb0f8q0jf",
        "began_at": at - 0.2 - n * 0.43,
        "route": ("/v1/audio/transcriptions", "/asr", "job")[n % 7 // 3],
        "class": "batch" if n % 7 == 6 else "interactive",
        "key": "key_7c1e" if n % 3 else None,
        "outcome": "running" if running else "done",
        "status": None if running else 200,
        "audio_s": audio_s,
        "wall_s": None if running else wall_s,
        "first_text_s": None,
        "upload_s": 0.01,
        "segments_in_all": 1,
        "segments": [] if running else [_segment(0, 0.02, wall_s - 0.03, audio_s=audio_s)],
    }


def _segment(index: int, began_s: float, took_s: float, *, audio_s: float = 20.0) -> Picture:
    queue_s = min(0.04, took_s / 4)
    tries = [{"target": f"asr-{index % 4 + 1}", "began_s": began_s + queue_s, "took_s": took_s - queue_s,
              "outcome": "done"}]  # fmt: skip
    return {
        "index": index,
        "start_s": index * 20.0,
        "audio_s": audio_s,
        "began_s": began_s,
        "took_s": took_s,
        "outcome": "done",
        "queue_s": queue_s,
        "tries": tries,
    }


def _queue(*, is_idle: bool) -> Picture:
    waiting = (("live", 0, 0.0), ("interactive", 3, 21.5), ("batch", 41, 388.2))
    return {
        "segments": 0 if is_idle else 44,
        "audio_s": 0.0 if is_idle else 409.7,
        "limit_audio_s": 3600.0,
        "oldest_wait_s": None if is_idle else 0.8,
        "classes": [
            {"class": name, "segments": 0 if is_idle else segments, "audio_s": 0.0 if is_idle else audio_s}
            for name, segments, audio_s in waiting
        ],
    }


def _live(*, is_idle: bool) -> Picture:
    live: Picture = {
        "sessions": 14, "limit": 500, "speaking": 9, "away": 1, "opened": 212, "refused": 0, "turns": 1840,
        "at_odds": 3, "audio_s": 9120.5, "drafts": 15_210, "draft_s": 0.12, "final_p50_s": 0.21, "final_p95_s": 0.42,
    }  # fmt: skip
    if is_idle:
        live |= {name: 0 for name, value in live.items() if name != "limit"}
        live |= {"draft_s": None, "final_p50_s": None, "final_p95_s": None}
    return live


def _now(*, is_idle: bool) -> Picture:
    now: Picture = {
        "window_s": 60, "in_progress": 6, "requests": 840, "failed": 0, "requests_per_s": 14.0, "rtfx": 52.1,
        "success": 1.0, "p50_s": 0.09, "p95_s": 0.2, "p99_s": 0.41, "first_text_p50_s": 0.11,
    }  # fmt: skip
    if is_idle:
        nothing = dict.fromkeys(("success", "p50_s", "p95_s", "p99_s", "first_text_p50_s"))
        now |= {"in_progress": 0, "requests": 0, "requests_per_s": 0.0, "rtfx": 0.0, **nothing}
    return now


def _series(at: float, *, is_idle: bool) -> Picture:
    """A quarter of an hour that began quietly, with a minute without any request."""
    steps = 180
    first = int(at // 5) * 5 - (steps - 1) * 5

    def load(n: int) -> float:
        if is_idle or 40 <= n < 52:
            return 0.0
        return (0.55 + 0.45 * math.tanh((n - 70) / 25)) * (1 + 0.08 * math.sin(n * 1.7) + 0.05 * math.sin(n * 0.61))

    def slow(n: int, least: float, more: float) -> float | None:
        return None if load(n) == 0 else round(least + more * load(n) ** 2 * (1 + 0.18 * math.sin(n * 2.3)), 4)

    return {
        "step_s": 5,
        "at": [first + n * 5 for n in range(steps)],
        "requests": [round(70 * load(n)) for n in range(steps)],
        "failed": [0] * steps,
        "audio_s": [round(260 * load(n), 1) for n in range(steps)],
        "p50_s": [slow(n, 0.05, 0.04) for n in range(steps)],
        "p95_s": [slow(n, 0.08, 0.11) for n in range(steps)],
        "p99_s": [slow(n, 0.12, 0.27) for n in range(steps)],
        "speaking": [round(9 * load(n)) for n in range(steps)],
        "final_p95_s": [slow(n, 0.2, 0.2) for n in range(steps)],
        "queued_audio_s": [round(max(0.0, (load(n) - 0.85) * 2400), 1) for n in range(steps)],
    }
