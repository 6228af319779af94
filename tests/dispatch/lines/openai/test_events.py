"""Streams of events, in OpenAI's words and in vLLM's."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.lines.openai.answer import text_max
from harken.dispatch.lines.openai.events import Events
from harken.errors import InstanceFailed
from harken.types import Finish, Options, Transcript
from harken.wire import Job, WireError
from tests.dispatch.instances import make_segment
from tests.dispatch.lines.openai.anything import ANSWERS, JSON, OBJECTS, entries

JOB = Job(segment=make_segment(), options=Options(), wants_deltas=True)


def data(event: dict[str, Any] | str) -> bytes:
    """One event on the line."""
    return f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()


def chunk(text: str, finish_reason: str | None = None) -> bytes:
    """One piece in vLLM's words."""
    return data(
        {"object": "transcription.chunk", "choices": [{"delta": {"content": text}, "finish_reason": finish_reason}]}
    )


def played(stream: bytes, size: int = 7) -> tuple[str, Transcript]:
    """Feed a stream in pieces; return its text as it came, and what it came to."""
    events, said = Events(JOB), ""
    for start in range(0, len(stream), size):
        said += "".join(events.feed(stream[start : start + size]))
    said += events.close()
    return said, events.transcript()


VLLM = (
    chunk("language Eng") + chunk("lish<asr_text>") + chunk("one ") + chunk("two") + chunk("", "stop") + data("[DONE]")
)
OPENAI = (
    b": 1 of 2 s\r\n\r\nevent: transcript.text.delta\r\n"
    + data({"type": "transcript.text.delta", "delta": "one "})
    + data({"type": "transcript.text.delta", "delta": "tow"})
    + data({"type": "transcript.text.done", "text": "one two", "language": "en"})
)


@given(st.integers(1, 300))
def test_a_stream_means_the_same_however_it_is_cut(size: int) -> None:
    """Text without the header, and the language from it."""
    said, transcript = played(VLLM, size)
    assert said == transcript.text == "one two"
    assert transcript.language == "English"


def test_the_last_event_has_the_true_text() -> None:
    """The deltas were a draft."""
    said, transcript = played(OPENAI)
    assert said == "one tow"
    assert (transcript.text, transcript.language) == ("one two", "English")


def test_a_stream_that_hit_the_cap_says_so() -> None:
    """Words may be missing."""
    assert played(chunk("one", "length") + data("[DONE]"))[1].finish is Finish.LENGTH


def test_a_stream_that_is_over_is_known_to_be() -> None:
    """So that nobody waits for its connection."""
    events = Events(JOB)
    assert list(events.feed(VLLM[:-1])) == ["one ", "two"]
    assert events.is_over


def test_text_that_looks_like_half_a_header_comes_at_the_end() -> None:
    """It was held back until it was clear."""
    assert played(chunk("language", "stop"))[0] == "language"
    assert played(chunk("language", "stop") + data("[DONE]"))[1].text == "language"


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (chunk("one"), "without a result"),
        (b"", "without a result"),
        (data("nonsense") + data({"choices": []}) + data({"choices": [3]}), "without a result"),
        (chunk("one") + data({"error": {"message": "boom"}}) + data("[DONE]"), "in the middle"),
        (data({"type": "error", "message": "boom"}), "in the middle"),
    ],
)
def test_a_stream_that_breaks_off_is_a_failure(stream: bytes, words: str) -> None:
    """Half a text is never taken for the whole."""
    with pytest.raises(InstanceFailed, match=words):
        played(stream)


LINES = st.one_of(
    OBJECTS.map(data),
    st.fixed_dictionaries({"type": st.just("transcript.text.delta"), "delta": JSON}).map(data),
    ANSWERS.map(lambda body: data({**body, "type": "transcript.text.done"})),
    st.fixed_dictionaries({"choices": entries("delta", "finish_reason")}).map(data),
    JSON.map(lambda content: data({"choices": [{"delta": {"content": content}}]})),
    st.binary(max_size=20).map(lambda rest: b"data:" + rest + b"\n"),
    st.binary(max_size=20),
    st.sampled_from((VLLM, OPENAI, data("[DONE]"))),
)


@given(st.lists(LINES, max_size=6).map(b"".join), st.integers(1, 100))
@pytest.mark.slow
def test_any_stream_is_text_that_can_be_written_or_the_servers_failure(stream: bytes, size: int) -> None:
    """Whatever its events hold, and wherever it is cut."""
    try:
        said, transcript = played(stream, size)
    except InstanceFailed:
        return
    said.encode()
    json.dumps(dataclasses.asdict(transcript), ensure_ascii=False, allow_nan=False).encode()


def test_a_line_without_end_is_a_failure() -> None:
    """It is no text yet."""
    with pytest.raises(WireError):
        list(Events(JOB).feed(b"data: " + b"x" * (2 << 20)))


@pytest.mark.parametrize("size", [1 << 20, 100])
@pytest.mark.parametrize("end", [b"", data({"type": "transcript.text.done", "text": "y" * 50_000}) + data("[DONE]")])
def test_text_without_end_is_cut_off_and_unfinished(end: bytes, size: int) -> None:
    """What nobody can have said: whoever checks answers treats it like any that ran into its cap."""
    events = Events(JOB)
    stream = chunk("x" * 700) * 30 + end
    heard = [text for at in range(0, len(stream), size) for text in events.feed(stream[at : at + size])]
    assert events.is_over
    assert "".join(heard) == events.transcript().text == "x" * text_max(JOB.segment.audio_s)
    assert events.transcript().finish is Finish.LENGTH
