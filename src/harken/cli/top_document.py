"""A cluster's document as it came from outside: only one that can be drawn gets further.

The address may be anybody's, or a Harken of another year. Pure. The invariant: a document that was taken holds every
field that `top_picture` reads, of the kind it expects, and no number that cannot be written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any

import harken
from harken.cli.client import NotHarken
from harken.ops.address import without_user

_NUMBER = int | float
_MAYBE = int | float | None
_NUMBER_END = 1e15
_NUMBERS = [_NUMBER]
_QUANTILES = [_MAYBE]

_SHAPE: dict[str, Any] = {
    "server": {
        "name": str,
        "kind": str,
        "status": str,
        "is_ready": bool,
        "model": str,
        "uptime_s": _NUMBER,
        "can_change": bool,
        "change": str | None,
    },
    "machine": {
        "cores": int,
        "cpu_busy": _MAYBE,
        "memory_bytes": _MAYBE,
        "memory_total_bytes": _MAYBE,
        "gpus": [{"index": int, "busy": _MAYBE, "memory_bytes": _MAYBE, "memory_total_bytes": _MAYBE}],
    },
    "instances": [
        {
            "name": str,
            "state": str,
            "device": str | None,
            "in_flight": int,
            "limit": int,
            "slots": int,
            "segments": int,
            "success": _MAYBE,
            "rtfx": _MAYBE,
            "last_success_s": _MAYBE,
            "memory_bytes": _MAYBE,
            "gpu_memory_bytes": _MAYBE,
            "restarts": int,
            "ejected": str,
            "detail": str,
        }
    ],
    "queue": {
        "audio_s": _NUMBER,
        "limit_audio_s": _NUMBER,
        "oldest_wait_s": _NUMBER,
        "classes": [{"class": str, "segments": int, "audio_s": _NUMBER}],
    },
    "now": {
        "in_progress": int,
        "requests": int,
        "failed": int,
        "requests_per_s": _NUMBER,
        "rtfx": _NUMBER,
        "success": _MAYBE,
        "p50_s": _MAYBE,
        "p95_s": _MAYBE,
        "p99_s": _MAYBE,
    },
    "series": {
        "step_s": _NUMBER,
        "at": _NUMBERS,
        "requests": _NUMBERS,
        "audio_s": _NUMBERS,
        "p50_s": _QUANTILES,
        "p95_s": _QUANTILES,
        "p99_s": _QUANTILES,
        "queued_audio_s": _NUMBERS,
    },
    "requests": [
        {
            "id": str,
            "began_at": _NUMBER,
            "class": str,
            "outcome": str,
            "audio_s": _MAYBE,
            "wall_s": _MAYBE,
            "segments": [{"outcome": str, "tries": [{"target": str, "outcome": str}]}],
        }
    ],
    "errors": [{"code": str, "count": int, "last_at": _NUMBER}],
    "at": _NUMBER,
}

_LIVE: dict[str, Any] = {
    "sessions": int,
    "limit": int,
    "speaking": int,
    "away": int,
    "refused": int,
    "draft_s": _MAYBE,
    "final_p95_s": _MAYBE,
}
"""Only where live transcription is offered, and by a server that knows it."""


def as_document(told: object, server: str) -> Mapping[str, Any]:
    """Return what a server told, if it is a cluster's document.

    Raises:
        NotHarken: it is something else.
    """
    if not isinstance(told, dict) or told.get("object") != "harken.cluster":
        raise NotHarken(f"{without_user(server)} does not answer as Harken does. Is one there?")
    return told


def drawable(told: Mapping[str, Any], server: str) -> Mapping[str, Any]:
    """Return a document that can be drawn.

    Raises:
        NotHarken: a field is missing, or of another kind.
    """
    live = {} if told.get("live") is None else {"live": _LIVE}
    for place in _misfits(told, _SHAPE | live, ""):
        raise NotHarken(
            f"{without_user(server)} tells of its cluster in a way that harken {harken.__version__} does not know "
            f"({place}). Is it a Harken of another version?"
        )
    return told


def _misfits(value: object, shape: Any, place: str) -> Iterator[str]:
    """Name what does not fit."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield place
            return
        for name, part in shape.items():
            yield from _misfits(value.get(name, _MISSING), part, f"{place}.{name}".lstrip("."))
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield place
            return
        for one in value:
            yield from _misfits(one, shape[0], place)
    elif not _is(value, shape):
        yield place


_MISSING = object()


def _is(value: object, kind: type | UnionType) -> bool:
    if isinstance(value, bool):
        return kind is bool
    # Also what JSON calls NaN, which is neither below nor above.
    return isinstance(value, kind) and (not isinstance(value, int | float) or -_NUMBER_END < value < _NUMBER_END)
