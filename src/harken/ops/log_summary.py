"""What a log says of days and models: how much was transcribed, what failed, what was slow, what looks wrong.

Pure: lines in, figures out, one line at a time. It believes nothing: a line with a field of the wrong kind counts as
far as it can be understood. The invariant: a finished request or file of a job is counted once, under the day of its
end and the model that worked on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from harken.ops.log_days import DaySummary, Slow, Summary, Suspicion, Work
from harken.ops.log_line import LogLine
from harken.ops.log_values import KINDS_MAX, OTHERS, bump, bump_or, number, word

SLOWEST = 10
"""Requests that are named because they took longest."""

_EMPTY_S = 1.0
"""Speech without text from which on it is suspicious: less may be a cough."""

Day = Callable[[float], date]
"""Tells the day of a moment, given in seconds since 1970."""


def summarise(lines: Iterable[LogLine], day_of: Day = date.fromtimestamp) -> Summary:
    """Sum up lines in any order.

    Args:
        lines: of all files.
        day_of: cuts time into days; by this machine's zone without it.
    """
    summary = Summary()
    for line in lines:
        summary.lines += 1
        if not line.event:
            summary.foreign += 1
            continue
        summary.begin = line.at if summary.begin is None else min(summary.begin, line.at)
        summary.end = line.at if summary.end is None else max(summary.end, line.at)
        if line.event == "log.dropped":
            summary.lost += int(number(line.fields, "lines"))
        date_of_line = day_of(line.at)
        day = summary.days.get(date_of_line)
        if day is None:
            day = summary.days[date_of_line] = DaySummary(day=date_of_line)
        _count(day, line)
    summary.days = dict(sorted(summary.days.items()))
    for day in summary.days.values():
        _adopt(day)
    return summary


def _count(day: DaySummary, line: LogLine) -> None:
    fields = line.fields
    if line.level in ("warning", "error"):
        bump_or(day.troubles, (line.level, line.event), (line.level, OTHERS))
    match line.event:
        case "segment.retried":
            day.retried += 1
        case "segment.hedged":
            day.hedged += 1
        case "piece.repaired":
            day.repaired += 1
        case "instance.crashed":
            bump(day.crashes, word(fields, "instance"))
        case "instance.restart":
            bump(day.restarts, word(fields, "instance"))
        case "gateway.started":
            day.starts += 1
        case _:
            if not day.live.count(line.event, fields):
                _count_end(day, line.event, fields)


def _count_end(day: DaySummary, event: str, fields: dict[str, Any]) -> None:
    """Count the end of a request or of a file of a job, if it is one."""
    is_ours = is_transcription(word(fields, "path"))
    match event:
        case "request.done" | "jobs.file_done":
            _count_done(_work(day, fields), fields, is_file=event == "jobs.file_done")
        case "jobs.file_failed":
            _fail(day, fields)
        case "request.failed" | "request.refused" if is_ours:
            _fail(day, fields)
        case "request.defect" if is_ours:
            _fail(day, {**fields, "code": "internal_error"})
        case "request.cancelled" | "request.forced_out" if is_ours:
            _work(day, fields).cancelled += 1
        case _:
            pass


def is_transcription(path: str) -> bool:
    """Whether a route is one that recordings come by, and not a look at jobs or keys."""
    return path == "/asr" or path.startswith("/v1/audio/")


def _count_done(work: Work, fields: dict[str, Any], *, is_file: bool) -> None:
    audio_s, wall_s = number(fields, "audio_s"), number(fields, "wall_s")
    work.done += 1
    work.files += is_file
    work.segments += int(number(fields, "segments"))
    work.audio_s += audio_s
    work.speech_s += number(fields, "speech_s")
    work.cached += fields.get("cache") == "hit"
    if not is_file:
        work.wall.add(wall_s)
        if len(work.slowest) < SLOWEST or wall_s > work.slowest[0].wall_s:
            slow = Slow(wall_s=wall_s, name=_name(fields), audio_s=audio_s, instances=word(fields, "instances"))
            (heapq.heappush if len(work.slowest) < SLOWEST else heapq.heappushpop)(work.slowest, slow)
    if "repairs" in fields or "warnings" in fields or "empty_s" in fields:
        _count_suspicions(work, fields)


def _count_suspicions(work: Work, fields: dict[str, Any]) -> None:
    repaired = {kind for kind in word(fields, "repairs").split(",") if kind}
    flagged = {code.removesuffix("_unresolved") for code in word(fields, "warnings").split(",") if code}
    empty = {"empty"} if number(fields, "empty_s") >= _EMPTY_S else set()
    for kind in sorted(repaired | flagged | empty):
        key = kind if kind in work.suspicions or len(work.suspicions) < KINDS_MAX else OTHERS
        work.suspicions.setdefault(key, Suspicion()).add(_name(fields), is_unresolved=kind in flagged)


def _fail(day: DaySummary, fields: dict[str, Any]) -> None:
    bump(_work(day, fields).failed, word(fields, "code") or "unknown")


def _work(day: DaySummary, fields: dict[str, Any]) -> Work:
    model = word(fields, "model")
    work = day.models.get(model)
    if work is None:
        work = day.models.setdefault(model if len(day.models) < KINDS_MAX else OTHERS, Work())
    return work


def _adopt(day: DaySummary) -> None:
    """What failed before its model was known belongs to the day's only model, where there is one."""
    unknown = day.models.get("")
    if unknown is None or len(day.models) != 2 or unknown.done:
        return
    del day.models[""]
    (work,) = day.models.values()
    work.failed += unknown.failed
    work.cancelled += unknown.cancelled


def _name(fields: dict[str, Any]) -> str:
    return word(fields, "request_id") or f"{word(fields, 'job_id')}.{int(number(fields, 'file'))}"
