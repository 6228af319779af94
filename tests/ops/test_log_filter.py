"""Which lines are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from harken.errors import ConfigError
from harken.ops.log_filter import LogFilter, since_of
from harken.ops.log_line import parse_line
from tests.ops.lines import line

FOREIGN = parse_line(b"a print", "asr-1", 100.0)


def test_without_conditions_everything_is_shown() -> None:
    """Lines that are no events too."""
    assert LogFilter().wants(line("x")) and LogFilter().wants(FOREIGN)


def test_all_conditions_must_hold() -> None:
    """Each alone can keep a line out."""
    told = line("segment.failed", 100.0, "warning", request_id="r1")
    assert LogFilter(since=99, level="warning", event="segment.*", request="r1").wants(told)
    for other in (
        LogFilter(since=101),
        LogFilter(level="error"),
        LogFilter(event="request.*"),
        LogFilter(request="r2"),
    ):
        assert not other.wants(told)


def test_a_level_is_a_least_level() -> None:
    """Warnings with errors."""
    shown = [
        level
        for level in ("debug", "info", "warning", "error")
        if LogFilter(level="warning").wants(line("x", level=level))
    ]
    assert shown == ["warning", "error"]


@pytest.mark.parametrize(
    ("fields", "is_shown"),
    [
        ({"request_id": "r1"}, True),
        ({"segment": "r1.0"}, True),
        ({"segments": ["r0.1", "r1.12"]}, True),
        ({"request_id": "job_1.0.1"}, False),
        ({"job_id": "r1"}, True),
        ({"request_id": "r10"}, False),
        ({"segment": 1}, False),
        ({}, False),
    ],
)
def test_a_request_is_followed_into_its_segments(fields: dict[str, Any], is_shown: bool) -> None:
    """By the names that the dispatcher, an engine and jobs give it; not by a beginning alone."""
    assert LogFilter(request="r1").wants(line("x", **fields)) is is_shown


def test_what_is_no_event_has_no_level_name_or_request() -> None:
    """It is shown among the others of its time only."""
    assert LogFilter(since=100).wants(FOREIGN) and not LogFilter(since=101).wants(FOREIGN)
    assert not any(
        one.wants(FOREIGN) for one in (LogFilter(level="debug"), LogFilter(event="*"), LogFilter(request="a"))
    )


def test_an_unknown_level_is_an_error() -> None:
    """And not an empty answer."""
    with pytest.raises(ConfigError, match="debug, info, warning, error"):
        LogFilter(level="warn")


@pytest.mark.parametrize(
    ("text", "ago_s"), [("30s", 30), ("2h", 7200), ("1h30m", 5400), ("1.5d", 129_600), ("1w", 604_800)]
)
def test_a_span_is_so_long_ago(text: str, ago_s: float) -> None:
    """As people write it."""
    assert since_of(text, 1e9) == 1e9 - ago_s


def test_a_date_or_time_is_of_this_machines_zone_unless_it_names_one() -> None:
    """ISO 8601."""
    assert since_of("2026-01-31T08:30", 0) == datetime(2026, 1, 31, 8, 30).timestamp()
    assert since_of("2026-01-31", 0) == datetime(2026, 1, 31).timestamp()
    assert since_of("1970-01-01T00:01:40Z", 0) == 100


@pytest.mark.parametrize("text", ["", "2", "h", "2h ago", "-2h", "tomorrow", "2026-13-01", "9" * 400 + "h"])
def test_any_other_time_is_an_error_with_examples(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ConfigError, match="1h30m"):
        since_of(text, 1e9)
