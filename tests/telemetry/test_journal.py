"""Rules of harken.telemetry.journal and of how its entries are written."""

from __future__ import annotations

from harken.events import CACHED, Stage
from harken.telemetry.journal import RECENT, SEGMENTS_MAX, TRIES_MAX, Journal
from harken.telemetry.requests import describe
from tests.telemetry.facts import began, ended, span


def test_a_request_is_written_with_the_way_of_each_segment() -> None:
    """Waits are added up, tries are in the order of their ends."""
    journal = Journal()
    journal.began(began(at=100.0))
    journal.add(span(Stage.UPLOAD, at=100.0, took_s=0.5, segment=None))
    journal.add(span(Stage.QUEUE, at=100.5, took_s=0.25))
    journal.add(span(Stage.TRY, at=100.75, took_s=1.0, outcome="instance_failed"))
    journal.add(span(Stage.QUEUE, at=101.75, took_s=0.25))
    journal.add(span(Stage.TRY, at=102.0, took_s=0.5, target="asr-2"))
    journal.add(span(Stage.SEGMENT, at=100.5, took_s=2.0))
    journal.ended(ended(at=100.0, took_s=2.5))
    (entry,) = journal.entries()
    assert describe(entry, lambda then: then + 1000.0) == {
        "id": "req_1",
        "began_at": 1100.0,
        "route": "/asr",
        "class": "interactive",
        "key": "key_1",
        "outcome": "done",
        "status": 200,
        "audio_s": 2.0,
        "wall_s": 2.5,
        "first_text_s": None,
        "upload_s": 0.5,
        "segments_in_all": 1,
        "segments": [
            {
                "index": 0,
                "start_s": 0.0,
                "audio_s": 2.0,
                "began_s": 0.5,
                "took_s": 2.0,
                "outcome": "done",
                "queue_s": 0.5,
                "tries": [
                    {"target": "asr-1", "began_s": 0.75, "took_s": 1.0, "outcome": "instance_failed"},
                    {"target": "asr-2", "began_s": 2.0, "took_s": 0.5, "outcome": "done"},
                ],
            }
        ],
    }


def test_one_under_way_is_running_and_has_no_end() -> None:
    """A segment that is not over is not listed."""
    journal = Journal()
    journal.began(began())
    journal.add(span(Stage.TRY))
    shown = describe(journal.entries()[0], lambda then: then)
    assert (shown["outcome"], shown["status"], shown["wall_s"], shown["segments"]) == ("running", None, None, [])
    assert journal.in_progress == 1


def test_one_that_was_not_let_in_is_an_entry_too() -> None:
    """And changes nothing about one of the same name that is under way."""
    journal = Journal()
    journal.began(began())
    journal.ended(ended(outcome="queue_full", status=503, was_let_in=False))
    assert [entry.ended and entry.ended.outcome for entry in journal.entries()] == [None, "queue_full"]
    assert journal.in_progress == 1


def test_two_requests_of_one_name_are_two_entries() -> None:
    """Clients choose names, and may choose one twice."""
    journal = Journal()
    journal.began(began(at=1.0))
    journal.began(began(at=2.0))
    journal.ended(ended(at=1.0))
    journal.ended(ended(at=2.0))
    assert len(journal.entries()) == 2
    assert journal.in_progress == 0


def test_everything_is_bounded() -> None:
    """Requests, segments of each, tries of each; what is left out is counted."""
    journal = Journal()
    for number in range(RECENT + 10):
        journal.began(began(f"req_{number}"))
        journal.ended(ended(f"req_{number}"))
    journal.began(began("long"))
    for index in range(SEGMENTS_MAX + 10):
        for _ in range(TRIES_MAX + 3):
            journal.add(span(Stage.TRY, "long", segment=index))
        journal.add(span(Stage.SEGMENT, "long", segment=index, outcome=CACHED))
    entries = journal.entries()
    shown = describe(entries[0], lambda then: then)
    assert len(entries) == RECENT
    assert shown["segments_in_all"] == SEGMENTS_MAX + 10
    assert len(shown["segments"]) == SEGMENTS_MAX
    assert {len(segment["tries"]) for segment in shown["segments"]} == {TRIES_MAX}
    assert shown["segments"][0]["outcome"] == CACHED


def test_what_was_tried_again_or_failed_is_kept_longer() -> None:
    """On a busy server the newest fifty are a few seconds; a client's mistake is not worth it."""
    journal = Journal()
    for name, outcome, status in (
        ("again", "done", 200),
        ("failed", "timed_out", 504),
        ("mistake", "bad_request", 400),
    ):
        journal.began(began(name))
        for target in ("asr-1", "asr-2") if name == "again" else ("asr-1",):
            journal.add(span(Stage.TRY, name, target=target))
        journal.ended(ended(name, outcome=outcome, status=status))
    for number in range(200):
        journal.began(began(f"req_{number}"))
        journal.ended(ended(f"req_{number}"))
    names = [entry.began.request_id for entry in journal.entries()]
    assert len(names) == RECENT + 2
    assert names[-2:] == ["failed", "again"]


def test_failures_are_those_of_the_last_hour_by_code() -> None:
    """Clients' mistakes are among them: an operator wants to know of those as well."""
    journal = Journal()
    for at, outcome in (
        (0.0, "timed_out"),
        (3600.0, "undecodable_audio"),
        (7000.0, "timed_out"),
        (7100.0, "timed_out"),
    ):
        journal.ended(ended(at=at, took_s=0.0, outcome=outcome, status=500, was_let_in=False))
    journal.ended(ended(at=7100.0, outcome="cancelled", was_let_in=False))
    found = [(one.code, one.count, one.last) for one in journal.failures(7200.0)]
    assert found == [("timed_out", 2, 7100.0)]
