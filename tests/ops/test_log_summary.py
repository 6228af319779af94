"""What a log says of days and models."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from harken.ops.log_days import DaySummary, Summary, Work
from harken.ops.log_line import LogLine, parse_line
from harken.ops.log_summary import summarise
from tests.ops.lines import line

DAY_S = 86_400.0


def _day_of(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _sum(*lines: LogLine) -> Summary:
    return summarise(lines, _day_of)


def _one(*lines: LogLine) -> DaySummary:
    (day,) = _sum(*lines).days.values()
    return day


def _work(*lines: LogLine) -> Work:
    (work,) = _one(*lines).models.values()
    return work


def done(at: float = 1e9, **fields: Any) -> LogLine:
    """The end of an ordinary request."""
    usual = {
        "request_id": "r1",
        "path": "/asr",
        "model": "digits",
        "audio_s": 2.0,
        "speech_s": 1.5,
        "wall_s": 0.1,
        "segments": 1,
    }
    return line("request.done", at, **{**usual, **fields})


def test_work_is_counted_by_day_and_model() -> None:
    """What a roll changed at noon is two rows of one day."""
    summary = _sum(done(0), done(DAY_S), done(DAY_S + 1, model="other"), done(DAY_S + 2))
    assert {day: {name: work.done for name, work in found.models.items()} for day, found in summary.days.items()} == {
        date(1970, 1, 1): {"digits": 1},
        date(1970, 1, 2): {"digits": 2, "other": 1},
    }
    assert (summary.begin, summary.end, summary.lines) == (0, DAY_S + 2, 4)


def test_amounts_are_added_up() -> None:
    """Requests, segments, audio, speech, hits of the cache; files of jobs with them."""
    file = line(
        "jobs.file_done", job_id="j", file=0, model="digits", audio_s=10.0, speech_s=8.0, segments=3, wall_s=99.0
    )
    work = _work(done(cache="hit"), done(cache="partial"), file)
    assert (work.done, work.files, work.requests, work.segments) == (3, 1, 3, 5)
    assert (work.audio_s, work.speech_s, work.cached) == (14.0, 11.0, 1)


def test_failures_are_counted_by_their_code() -> None:
    """Refusals and defects too; looks at jobs and keys are no transcriptions."""
    work = _work(
        done(),
        line("request.failed", path="/asr", code="queue_full", model="digits"),
        line("request.failed", path="/v1/audio/transcriptions", code="queue_full", model="digits"),
        line("request.refused", path="/asr", code="invalid_api_key"),
        line("request.defect", level="error", path="/asr"),
        line("request.failed", path="/v1/jobs/x", code="job_not_found"),
        line("jobs.file_failed", job_id="j", file=1, code="undecodable_audio", model="digits"),
        line("request.cancelled", path="/asr", model="digits"),
    )
    assert work.failed == {"queue_full": 2, "invalid_api_key": 1, "internal_error": 1, "undecodable_audio": 1}
    assert (work.cancelled, work.requests) == (1, 7)


def test_what_failed_before_its_model_was_known_is_the_only_models() -> None:
    """Where there are two, nobody knows whose it was."""
    early = line("request.failed", path="/asr", code="missing_audio")
    assert set(_one(early, done()).models) == {"digits"}
    assert set(_one(early, done(), done(model="other")).models) == {"", "digits", "other"}
    assert set(_one(early).models) == {""}


def test_the_slowest_are_named_and_the_rest_is_in_quantiles() -> None:
    """Of a hundred requests, ten; a file of a job waits for nobody."""
    lines = [done(request_id=f"r{number}", wall_s=number / 10) for number in range(1, 101)]
    work = _work(*lines, line("jobs.file_done", job_id="j", file=0, model="digits", wall_s=1000.0))
    assert [one.name for one in sorted(work.slowest, reverse=True)] == [f"r{number}" for number in range(100, 90, -1)]
    assert work.wall.quantile(0.5) == pytest.approx(5, rel=0.02)
    assert work.wall.quantile(0.99) == pytest.approx(9.9, rel=0.02)


@pytest.mark.parametrize(
    ("fields", "kind", "unresolved"),
    [
        ({"repairs": "loop"}, "loop", 0),
        ({"repairs": "loop", "warnings": "loop_unresolved"}, "loop", 1),
        ({"warnings": "length_unresolved"}, "length", 1),
        ({"repairs": "context_leak"}, "context_leak", 0),
        ({"empty_s": 3.0}, "empty", 0),
        ({"warnings": "words_missing"}, "words_missing", 1),
    ],
)
def test_suspicious_transcripts_are_named(fields: dict[str, Any], kind: str, unresolved: int) -> None:
    """By what is suspicious, and whether the client was told."""
    work = _work(done(request_id="look at me", **fields), done())
    assert set(work.suspicions) == {kind}
    found = work.suspicions[kind]
    assert (found.requests, found.unresolved, found.ids) == (1, unresolved, ["look at me"])


def test_a_cough_is_not_suspicious() -> None:
    """Half a second of speech without text."""
    assert not _work(done(empty_s=0.5)).suspicions


def test_of_many_suspicions_the_newest_are_named() -> None:
    """And all are counted."""
    found = _work(*(done(request_id=str(number), repairs="loop") for number in range(1000))).suspicions["loop"]
    assert (found.requests, len(found.ids), found.ids[-1]) == (1000, 20, "999")


def test_what_the_fleet_went_through_is_counted() -> None:
    """Crashes and restarts by instance, further tries, warnings by event."""
    day = _one(
        line("gateway.started"),
        line("instance.crashed", level="warning", instance="asr-1"),
        line("instance.restart", level="warning", instance="asr-1"),
        line("segment.retried"),
        line("segment.hedged"),
        line("piece.repaired", level="warning"),
        line("engine.broken", level="error", instance="asr-1", owner="asr-1"),
    )
    assert (day.crashes, day.restarts, day.retried, day.hedged, day.repaired, day.starts) == (
        {"asr-1": 1},
        {"asr-1": 1},
        1,
        1,
        1,
        1,
    )
    assert day.troubles[("error", "engine.broken")] == 1
    assert day.troubles.total() == 4


def test_broken_and_foreign_lines_are_counted_and_harm_nothing() -> None:
    """Half lines, prints, fields of wrong kinds, numbers that are none."""
    hostile = done(
        audio_s="many", segments=None, wall_s=[1], request_id=7, instances={}, repairs=3, empty_s=True, model=None
    )
    huge = done(audio_s=1e300, wall_s=10**400, segments=-0.5, repairs=",,," * 1000)
    summary = _sum(parse_line(b"half a li", "gateway"), parse_line(b"\x00" * 50, "asr-1"), hostile, huge, done())
    assert (summary.lines, summary.foreign) == (5, 2)
    (day,) = summary.days.values()
    assert sum(work.done for work in day.models.values()) == 3
    assert sum(work.audio_s for work in day.models.values()) == 2.0


def test_lines_that_could_not_be_written_are_told() -> None:
    """A summary that lacks some says so."""
    assert (
        _sum(line("log.dropped", level="warning", lines=7), line("log.dropped", level="warning", lines="x")).lost == 7
    )


def test_nothing_is_a_summary_too() -> None:
    """An empty file."""
    assert (_sum().days, _sum().begin) == ({}, None)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log() -> None:
    """Eight thousand requests of ever new ids, codes and events."""

    def lines() -> Iterator[LogLine]:
        for number in range(8_000):
            yield done(
                1e9 + number / 10,
                request_id=f"r{number}",
                wall_s=number,
                repairs=f"kind{number}",
                warnings="loop_unresolved",
            )
            yield line("request.failed", 1e9, path="/asr", code=f"code{number}", model=f"m{number}")
            yield line(f"event{number}", 1e9, level="error")

    tracemalloc.start()
    try:
        summary = summarise(lines(), _day_of)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert summary.lines == 24_000
    assert peak < 3_000_000
