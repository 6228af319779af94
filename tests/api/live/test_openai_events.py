"""OpenAI's events, checked against OpenAI's own types."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from harken.api.live.openai_events import Form, Telling
from harken.errors import EngineFailed, SessionIdle, UnsupportedOption
from harken.live.events import Committed, Completed, Ended, Failed, LiveEvent, SpeechStarted, SpeechStopped, Text
from harken.transcribe.result import Flag
from harken.types import TokenLogprob

EVENTS: list[LiveEvent] = [
    SpeechStarted(turn=3, at_s=1.0),
    Text(turn=3, delta="one", tentative=" two"),
    SpeechStopped(turn=3, at_s=2.0),
    Committed(turn=3, start_s=1.0, end_s=2.0),
    Completed(turn=3, text="one two", language="English", start_s=1.0, end_s=2.0),
    Completed(
        turn=3,
        text="one",
        language="English",
        start_s=1.0,
        end_s=2.0,
        logprobs=(TokenLogprob(token="one", logprob=-0.5, bytes=tuple(b"one")),),
        warnings=(Flag(code="loop_unresolved", message="So.", start_s=1.0, end_s=2.0),),
    ),
    Completed(turn=4, text="", language="", start_s=1.0, end_s=2.0),
    Failed(turn=5, error=EngineFailed()),
    Ended(error=SessionIdle()),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_one_of_openais(event: LiveEvent) -> None:
    """Its SDK validates them strictly, and knows every required member."""
    known: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
    for message in Telling("secret", Form.TODAY, 0).tell(7, event):
        assert known.validate_python(message).type == message["type"]


def test_tokens_and_warnings_are_told_where_there_are_any() -> None:
    """Tokens where they were asked for."""
    (full,), (plain,) = (Telling("secret", Form.TODAY, 0).tell(7, EVENTS[place]) for place in (5, 4))
    assert full["logprobs"] == [{"token": "one", "logprob": -0.5, "bytes": [111, 110, 101]}]
    assert full["warnings"] == [{"code": "loop_unresolved", "message": "So.", "start": 1.0, "end": 2.0}]
    assert not {"logprobs", "warnings"} & set(plain)


def test_an_error_names_the_field_and_the_clients_event() -> None:
    """As OpenAI's errors do."""
    known: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
    message = Telling("secret", Form.TODAY, 0).error(UnsupportedOption("No.", field="session.include"), "mine")
    error = known.validate_python(message).error
    assert (error.type, error.code, error.param, error.event_id, error.message) == (
        "invalid_request_error", "unsupported_option", "session.include", "mine", "No.",
    )  # fmt: skip


def test_the_end_of_all_is_no_event() -> None:
    """Only the close says it, where nothing went wrong."""
    assert Telling("secret", Form.TODAY, 0).tell(1, Ended()) == []


def test_what_stands_before_an_item_is_known_after_a_resume() -> None:
    """By the turn's number; and the same session gives the same names."""
    first = Telling("secret", Form.TODAY, 0).tell(1, Committed(turn=1, start_s=0, end_s=1))[0]
    later = Telling("secret", Form.TODAY, 9).tell(10, Committed(turn=3, start_s=1, end_s=2, before=1))[0]
    other = Telling("another", Form.TODAY, 0).tell(1, Committed(turn=1, start_s=0, end_s=1))[0]
    assert later["previous_item_id"] == first["item_id"] != other["item_id"]


def test_no_two_messages_have_one_id() -> None:
    """Not even those of a connection and the one that resumed its session, which begin with the same number."""
    tellings = [Telling("secret", Form.TODAY, 12) for _ in range(3)]
    ids = [telling.stamped(telling.aside("error"))["event_id"] for telling in tellings for _ in range(2)]
    assert len(set(ids)) == 6
    assert all(re.fullmatch(r"event_12_\w+", str(one)) for one in ids), "the number by which a client comes back"
