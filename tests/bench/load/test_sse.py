"""Text in streams of events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.sse import TextStream, failure_of, reason_of


def _event(**data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


OURS = (
    b": a comment\n\n"
    + _event(type="transcript.text.delta", delta="one")
    + _event(type="transcript.text.delta", delta=" two")
    + _event(type="transcript.text.done", text="one two.", language="English")
)
CHUNKS = (
    _event(choices=[{"delta": {"role": "assistant", "content": ""}}])
    + _event(choices=[{"delta": {"content": "one two"}}])
    + _event(choices=[], usage={})
    + b"data: [DONE]\r\n\r\n"
)


@given(st.integers(1, 30))
def test_a_stream_may_come_in_any_pieces(size: int) -> None:
    """The text is the last event's, its language too."""
    stream = TextStream()
    for at in range(0, len(OURS), size):
        assert not stream.is_done or at > OURS.rindex(b"}")
        stream.feed(OURS[at : at + size])
    assert (stream.text, stream.language, stream.is_done, stream.failure) == ("one two.", "English", True, "")


def test_the_first_text_is_seen() -> None:
    """A comment or an empty delta is none."""
    stream = TextStream()
    stream.feed(b": 3 s of 7\n\n" + _event(type="transcript.text.delta", delta=""))
    assert not stream.has_text
    stream.feed(_event(type="transcript.text.delta", delta="o"))
    assert stream.has_text


def test_chunks_as_of_a_chat_are_understood() -> None:
    """Their text is all of them together."""
    stream = TextStream()
    stream.feed(CHUNKS)
    assert (stream.text, stream.is_done) == ("one two", True)


def test_a_stream_without_an_end_is_not_done() -> None:
    """It broke off."""
    stream = TextStream()
    stream.feed(OURS[:-40])
    assert not stream.is_done


def test_an_error_is_a_failure_with_its_code() -> None:
    """In either shape; one without a code has a name too."""
    for event, code in (
        (_event(type="error", error={"code": "draining"}), "draining"),
        (_event(error={"message": "no"}), "error_event"),
        (_event(error={"code": "stream_broken"}), "error_event"),
    ):
        stream = TextStream()
        stream.feed(event)
        assert (stream.failure, stream.is_done) == (code, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"code": "queue_full", "message": "Too\n much."}}, "Too much."),
        ({"error": "no such model", "code": "x"}, "no such model"),
        ({"message": "\x1b[31mred" + "x" * 999}, "[31mred" + "x" * 192),
        ({"error": {"message": 3}}, ""),
        ([], ""),
    ],
)
def test_the_reason_of_an_error_is_one_short_line(body: object, reason: str) -> None:
    """In either shape; a terminal would obey the rest."""
    assert reason_of(body) == reason


@pytest.mark.parametrize(
    "data", [b"data: nothing\n", b"data: 3\n", b"data: " + b"[" * 100_000 + b"\n", b"x" * (9 << 20)]
)
def test_what_is_no_stream_of_events_is_an_error(data: bytes) -> None:
    """Never a text."""
    with pytest.raises(ValueError, match=r".+"):
        TextStream().feed(data)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "queue_full"}}, "queue_full"),
        ({"error": "no", "code": "draining"}, "draining"),
        ({"error": {"code": 3}}, ""),
        ([], ""),
        ({"code": "x" * 64}, "x" * 64),
        ({"code": "x" * 65}, ""),
        ({"code": "\x1b[31mred"}, ""),
        ({"code": "queue_full\n"}, ""),
        ({"code": "Please try again later."}, ""),
        ({"code": "client_timeout"}, ""),
        ({"error": {"code": "server_unreachable"}}, ""),
    ],
)
def test_the_code_of_an_error_is_a_name_and_none_of_the_clients_own(body: object, code: str) -> None:
    """A sentence would be a kind of error for each of its numbers, and a terminal would obey some."""
    assert failure_of(body) == code
