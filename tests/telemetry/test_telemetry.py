"""Rules of harken.telemetry.telemetry and of the cluster's document."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from harken.api.schema.cluster import CLUSTER_RESPONSES
from harken.events import Event, Stage
from harken.telemetry.telemetry import Telemetry
from harken.testing.clock import FakeClock
from tests.telemetry.facts import began, draft, ended, span, turn
from tests.telemetry.test_metrics import LOOK

SCHEMA = CLUSTER_RESPONSES[200]["content"]["application/json"]["schema"]


def test_the_document_is_what_its_schema_says() -> None:
    """With everything in it, and with nothing."""
    full: list[Event] = [began(), span(Stage.SEGMENT), span(Stage.TRY), turn(), ended(outcome="timed_out", status=504)]
    for events in ([], full):
        telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=FakeClock(100.0))
        for event in events:
            telemetry.tell(event)
        jsonschema_rs.validate(SCHEMA, json.loads(json.dumps(telemetry.cluster())))


def test_the_document_says_what_happened() -> None:
    """The last minute, the instances' part of it, the errors, with times since 1970."""
    clock = FakeClock(1000.0)
    telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=clock, wall=lambda: clock.now() + 5000.0)
    clock.advance(10.0)
    telemetry.note(queued_audio_s=33.0, speaking=4)
    telemetry.tell(began("a", at=1004.0))
    telemetry.tell(span(Stage.TRY, "a", at=1004.0, audio_s=20.0))
    telemetry.tell(span(Stage.SEGMENT, "a", at=1004.0, audio_s=20.0))
    telemetry.tell(ended("a", at=1004.0, took_s=2.0))
    telemetry.tell(ended("b", at=1005.0, outcome="timed_out", status=504, was_let_in=False))
    told = telemetry.cluster()
    assert told["at"] == 6010.0
    assert told["server"]["status"] == "degraded"
    assert (told["now"]["requests"], told["now"]["failed"], told["now"]["success"]) == (2, 1, 0.5)
    assert (told["now"]["rtfx"], told["now"]["window_s"], told["now"]["p50_s"]) == (2.0, 10.0, 2.0)
    assert told["instances"][0]["rtfx"] == 2.0
    assert told["instances"][0]["success"] == 1.0
    assert told["instances"][1]["success"] is None
    assert told["errors"] == [{"code": "timed_out", "count": 1, "last_at": 6006.0}]
    assert told["series"]["at"] == [6000.0, 6005.0, 6010.0]
    assert told["series"]["queued_audio_s"] == [0.0, 0.0, 33.0]
    assert [request["id"] for request in told["requests"]] == ["b", "a"]


def test_the_document_says_who_speaks_and_how_late_text_is() -> None:
    """What there is now, the last minute's turns, and both over time."""
    clock = FakeClock(1000.0)
    telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=clock)
    for took_s in (0.2, 0.4):
        telemetry.tell(turn(at=1000.0, took_s=took_s))
    clock.advance(6.0)
    telemetry.note(queued_audio_s=0.0, speaking=4)
    telemetry.note(queued_audio_s=0.0, speaking=2)
    told = telemetry.cluster()
    assert told["live"] == {
        "sessions": 5, "limit": 9, "speaking": 2, "away": 1, "opened": 20, "refused": 3,
        "ended": {"finished": 12, "slow_reader": 1}, "turns": 30, "at_odds": 4,
        "audio_s": 120.5, "drafts": 80, "draft_s": 0.25,
        "final_p50_s": pytest.approx(0.2, rel=0.06), "final_p95_s": pytest.approx(0.4, rel=0.06),
    }  # fmt: skip
    assert told["series"]["speaking"] == [0, 4]
    assert told["series"]["final_p95_s"] == [pytest.approx(0.4, rel=0.06), None]
    assert told["now"]["requests"] == 0


def test_drafts_are_no_requests() -> None:
    """What the dispatcher tells of them is work of class live, and in nobody's journey."""
    telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=FakeClock(10.0))
    telemetry.tell(began("req_1-1"))
    telemetry.tell(span(Stage.TRY, "req_1-1d", at=9.0, took_s=0.5))
    telemetry.tell(draft(at=9.0))
    telemetry.tell(span(Stage.SEGMENT, "req_1-1", at=9.0, took_s=0.5))
    telemetry.tell(ended("req_1-1", at=9.0))
    told = telemetry.cluster()
    (request,) = told["requests"]
    assert (request["id"], request["segments_in_all"], request["segments"][0]["tries"]) == ("req_1-1", 1, [])
    assert told["now"]["rtfx"] == 2.0, "once, however often it was drafted"


def test_an_instance_counts_what_its_engine_did() -> None:
    """Its segments come over the wire from a gateway, which has the requests."""
    telemetry = Telemetry(lambda: LOOK, is_gateway=False, clock=FakeClock(10.0))
    telemetry.tell(span(Stage.GENERATE, at=9.0, took_s=1.0))
    told = telemetry.cluster()
    assert told["instances"][0]["segments"] == 1
    assert told["now"]["rtfx"] > 0


def test_a_listener_that_fails_costs_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    """It is logged once, however often it happens."""
    telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=FakeClock())

    def fails(_: object) -> None:
        raise ZeroDivisionError("a listener's own defect")

    telemetry.trace_to(fails)
    for _ in range(5):
        telemetry.tell(began())
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("telemetry.failed") == 1


def test_a_thousand_instances_are_one_document_of_bounded_size() -> None:
    """And no more."""
    import dataclasses

    many = dataclasses.replace(LOOK.health, instances=LOOK.health.instances * 1000)
    telemetry = Telemetry(lambda: dataclasses.replace(LOOK, health=many), is_gateway=True, clock=FakeClock())
    assert len(telemetry.cluster()["instances"]) == 1000
