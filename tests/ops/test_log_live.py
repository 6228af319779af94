"""What a log says of people who spoke."""

from __future__ import annotations

from typing import Any

import pytest

from harken.ops.log_line import LogLine
from harken.ops.log_live import LiveWork
from harken.ops.log_summary import summarise
from tests.ops.lines import line


def _day(*lines: LogLine) -> tuple[LiveWork, int]:
    """The live sessions of the day, and how many requests there were."""
    (day,) = summarise(lines).days.values()
    return day.live, sum(work.requests for work in day.models.values())


def closed(**fields: Any) -> LogLine:
    """The end of a connection."""
    return line("socket.closed", request_id="r", path="/v1/listen", audio_s=1.0, wall_s=2.0, **fields)


def test_sessions_are_counted_at_their_end_and_are_no_requests() -> None:
    """Their sound and their turns; those of requests are apart."""
    live, requests = _day(
        line("live.opened", request_id="r1", sessions=1),
        line("live.ended", request_id="r1", received_s=20.5, turns=7, at_odds=0),
        line("live.ended", request_id="r2", received_s=1.5, turns=1, at_odds=0),
        line("request.done", request_id="r3", path="/asr", model="m", audio_s=5.0, wall_s=1.0),
    )
    assert (live.sessions, live.audio_s, live.turns, requests) == (2, 22.0, 8, 1)


def test_connections_are_counted_by_why_they_ended() -> None:
    """Everything told, by the server's code, by the client's close code; and who came back."""
    live, requests = _day(
        line("socket.opened", is_resumed=False, path="/v1/listen"),
        line("socket.opened", is_resumed=True, path="/v1/realtime"),
        closed(first_text_s=0.4),
        closed(code="session_idle"),
        closed(code="session_idle"),
        closed(code="slow_reader"),
        closed(gone=1006),
    )
    assert (live.finished, live.resumed, requests) == (1, 1, 0)
    assert live.ended == {"session_idle": 2, "slow_reader": 1}
    assert live.left == {"1006": 1}


def test_refusals_are_counted_wherever_they_were_said() -> None:
    """At the door, and at the keys before it; those of other routes are not of people who speak."""
    live, requests = _day(
        line("socket.refused", path="/v1/listen", code="live_full"),
        line("request.refused", path="/v1/realtime", code="invalid_api_key"),
        line("request.refused", path="/asr", code="invalid_api_key"),
    )
    assert (live.refused, requests) == ({"live_full": 1, "invalid_api_key": 1}, 1)


def test_a_day_without_people_who_speak_has_nothing_to_tell() -> None:
    """And one with a single connection has."""
    assert not _day(line("gateway.started"))[0].is_any
    assert _day(closed(gone=1005))[0].is_any


@pytest.mark.parametrize("value", ["many", None, [1], {}, True, 10**400, -1])
def test_fields_of_wrong_kinds_harm_nothing(value: Any) -> None:
    """They count as none."""
    live, _ = _day(
        line("live.ended", received_s=value, turns=value),
        line("socket.opened", is_resumed=value),
        line("socket.closed", code=value, gone=value),
        line("socket.refused", code=value),
        line("request.refused", path=value, code=value),
    )
    assert live.sessions == 1
    assert sum(live.refused.values()) == 1
    assert live.finished + sum(live.ended.values()) + sum(live.left.values()) == 1


def test_no_counter_grows_without_end() -> None:
    """Thousands of codes are two hundred and the others."""
    live, _ = _day(*(closed(code=f"code{number}") for number in range(1000)))
    assert len(live.ended) == 201 and live.ended["(others)"] == 800
