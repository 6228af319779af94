"""Recent requests as the cluster's document has them. Pure: entries of the journal in, JSON's types out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harken.events import Span
from harken.telemetry.journal import Entry, Way

RUNNING = "running"
"""Instead of an outcome, of a request that is not over."""


def describe(entry: Entry, wall: Callable[[float], float]) -> dict[str, Any]:
    """Write one request; `wall` makes a time of the monotonic clock one since 1970."""
    began, ended = entry.began, entry.ended
    return {
        "id": began.request_id,
        "began_at": wall(began.at),
        "route": began.route,
        "class": began.priority.value,
        "key": began.key or None,
        "outcome": RUNNING if ended is None else ended.outcome,
        "status": None if ended is None else ended.status,
        "audio_s": None if ended is None or ended.audio_s is None else round(ended.audio_s, 3),
        "wall_s": None if ended is None else round(ended.ended - began.at, 4),
        "first_text_s": None if ended is None or ended.first_text_s is None else round(ended.first_text_s, 4),
        "upload_s": None if entry.upload_s is None else round(entry.upload_s, 4),
        "segments_in_all": entry.segments_in_all,
        "segments": [_segment(index, way, way.span, began.at) for index, way in sorted(entry.ways.items()) if way.span],
    }


def _segment(index: int, way: Way, span: Span, began: float) -> dict[str, Any]:
    return {
        "index": index,
        "start_s": round(span.start_s, 3),
        "audio_s": round(span.audio_s, 3),
        **_times(span, began),
        "queue_s": round(way.queue_s, 4),
        "tries": [{"target": one.target, **_times(one, began)} for one in way.tries],
    }


def _times(span: Span, began: float) -> dict[str, Any]:
    return {"began_s": round(span.began - began, 4), "took_s": round(span.took_s, 4), "outcome": span.outcome}
