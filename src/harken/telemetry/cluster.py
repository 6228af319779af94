"""The cluster as one document: what the dashboard, `harken top` and programs read. Pure: a look in, JSON's types out.

`docs/decisions/0011-seeing-it.md` is its contract. It holds no text of anybody's speech. The invariants: its size is
bounded, whatever the cluster's is; and what is not known is null.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import harken
from harken.telemetry.journal import Entry, Failures
from harken.telemetry.look import Look, MachineLook, QueueLook
from harken.telemetry.records import NOTHING, Record
from harken.telemetry.requests import describe
from harken.telemetry.series import STEP_S, Step, Window
from harken.types import Figures, Health, InstanceHealth, LiveFigures

_NO_FIGURES = Figures()
_INSTANCES_MAX = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What goes into the document.

    Attributes:
        at: seconds since 1970.
        now: the same moment, in seconds of the monotonic clock.
        look: what its owners told.
        records: of instances, by name.
        window: the last minute.
        steps: the last quarter of an hour.
        entries: of recent requests.
        failures: of the last hour.
        in_progress: recordings under way.
    """

    at: float
    now: float
    look: Look
    records: Mapping[str, Record]
    window: Window
    steps: list[Step]
    entries: list[Entry]
    failures: list[Failures]
    in_progress: int

    def wall(self, monotonic: float) -> float:
        """A time of the monotonic clock, as seconds since 1970."""
        return round(self.at - (self.now - monotonic), 3)


def document(moment: Moment) -> dict[str, Any]:
    """Write it."""
    look = moment.look
    lines = look.health.instances[:_INSTANCES_MAX]
    return {
        "object": "harken.cluster",
        "at": round(moment.at, 3),
        "server": _server(look, look.health),
        "machine": _machine(look.machine),
        "instances": [_instance(line, moment.records.get(line.name, NOTHING)) for line in lines],
        "queue": _queue(look.queue, look.health),
        "live": None if look.live is None else _live(look.live, moment.window),
        "now": _now(moment),
        "series": _series(moment),
        "requests": [describe(one, moment.wall) for one in moment.entries],
        "errors": [{"code": one.code, "count": one.count, "last_at": moment.wall(one.last)} for one in moment.failures],
    }


def _server(look: Look, health: Health) -> dict[str, Any]:
    return {
        "name": health.name,
        "kind": look.kind,
        "version": harken.__version__,
        "status": look.status,
        "is_ready": health.is_ready,
        "model": health.model,
        "revision": look.revision,
        "uptime_s": round(look.uptime_s, 1),
        "loop_lag_s": round(health.loop_lag_s, 4),
        "can_change": look.can_change,
        "change": look.change,
    }


def _machine(machine: MachineLook) -> dict[str, Any]:
    shown = dataclasses.asdict(machine)
    shown["cpu_busy"] = _rounded(machine.cpu_busy)
    return shown


def _instance(line: InstanceHealth, record: Record) -> dict[str, Any]:
    figures = line.figures or _NO_FIGURES
    return {
        "name": line.name,
        "url": line.url,
        "state": line.state,
        "device": figures.device,
        "model": line.model,
        "in_flight": line.in_flight,
        "limit": line.limit,
        "slots": line.slots,
        "segments": record.segments,
        "success": _rounded(record.success),
        "rtfx": round(record.rtfx, 2),
        "last_success_s": _rounded(line.last_success_s),
        "memory_bytes": figures.memory_bytes,
        "gpu_memory_bytes": figures.gpu_memory_bytes,
        "loop_lag_s": round(line.loop_lag_s, 4),
        "restarts": line.restarts,
        "pid": line.pid,
        "ejected": line.ejected,
        "detail": line.detail,
    }


def _queue(queue: QueueLook, health: Health) -> dict[str, Any]:
    return {
        "segments": sum(one.segments for one in queue.classes),
        "audio_s": round(health.queued_audio_s, 3),
        "limit_audio_s": round(queue.limit_audio_s, 1),
        "oldest_wait_s": round(queue.oldest_wait_s, 3),
        "classes": [
            {"class": one.priority.value, "segments": one.segments, "audio_s": round(one.audio_s, 3)}
            for one in queue.classes
        ],
    }


def _live(live: LiveFigures, window: Window) -> dict[str, Any]:
    return {
        "sessions": live.sessions,
        "limit": live.limit,
        "speaking": live.speaking,
        "away": live.away,
        "opened": live.opened,
        "refused": live.refused,
        "ended": dict(live.ended),
        "turns": live.completed,
        "at_odds": live.at_odds,
        "audio_s": round(live.audio_s, 1),
        "drafts": live.drafts,
        "draft_s": _rounded(live.draft_s or None),
        "final_p50_s": _rounded(window.finals.quantile(0.5)),
        "final_p95_s": _rounded(window.finals.quantile(0.95)),
    }


def _now(moment: Moment) -> dict[str, Any]:
    window = moment.window
    served = window.requests - window.failed
    return {
        "window_s": round(window.window_s, 1),
        "in_progress": moment.in_progress,
        "requests": window.requests,
        "failed": window.failed,
        "requests_per_s": round(served / window.window_s, 3),
        "rtfx": round(window.audio_s / window.window_s, 2),
        "success": _rounded(served / window.requests if window.requests else None),
        "p50_s": _rounded(window.times.quantile(0.5)),
        "p95_s": _rounded(window.times.quantile(0.95)),
        "p99_s": _rounded(window.times.quantile(0.99)),
        "first_text_p50_s": _rounded(window.first_texts.quantile(0.5)),
    }


def _series(moment: Moment) -> dict[str, Any]:
    steps = moment.steps
    return {
        "step_s": STEP_S,
        "at": [moment.wall(step.number * STEP_S) for step in steps],
        "requests": [step.requests for step in steps],
        "failed": [step.failed for step in steps],
        "audio_s": [round(step.audio_s, 1) for step in steps],
        "p50_s": [_rounded(step.times.quantile(0.5)) for step in steps],
        "p95_s": [_rounded(step.times.quantile(0.95)) for step in steps],
        "p99_s": [_rounded(step.times.quantile(0.99)) for step in steps],
        "queued_audio_s": [round(step.queued_audio_s, 1) for step in steps],
        "speaking": [step.speaking for step in steps],
        "final_p95_s": [_rounded(step.finals.quantile(0.95)) for step in steps],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
