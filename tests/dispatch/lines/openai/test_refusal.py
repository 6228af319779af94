"""What a refusal means, beyond what the line's own tests show over real sockets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.lines.openai.refusal import Reply, judge_reply, retry_after_s
from harken.dispatch.lines.openai.request import Option
from harken.errors import QueueFull
from harken.types import Options
from harken.wire import Job
from tests.dispatch.instances import make_segment
from tests.dispatch.lines.openai.anything import HALVES, OBJECTS

JOB = Job(segment=make_segment(), options=Options(), wants_deltas=False)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("86400", 300.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("Thu, 01 Jan 9999 00:00:00 GMT", 300.0),
        ("Thu, 01 Jan 10000 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:01:40 -0000", 40.0),
        ("Thu Jan  1 00:01:40 1970", 40.0),
        ("Thu, 01 Jan 1970 00:01:40 +99999999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str, wait_s: float | None) -> None:
    """Sixty seconds after the epoch."""
    assert retry_after_s(header, 60.0) == wait_s


@pytest.mark.parametrize(
    ("body", "option"),
    [
        (b'{"error": {"message": "bad", "param": "include[]"}}', Option.LOGPROBS),
        (b'{"object": "error", "message": "stream is not supported"}', Option.STREAM),
        (b'{"detail": "prompt: field not permitted"}', Option.PROMPT),
        (b"Unknown field repetition_penalty", Option.PENALTY),
        (b"", Option.PENALTY),
    ],
)
def test_a_refusal_names_what_is_left_out_next(body: bytes, option: Option) -> None:
    """In any of the usual shapes; where nothing is named, the least is given up first."""
    asked = frozenset(Option) - {Option.WORDS}
    assert judge_reply(Reply(status=400, body=body), JOB, asked, 0.0).leave_out is option


def test_an_option_that_was_not_asked_for_is_not_to_blame() -> None:
    """The message may speak of anything."""
    verdict = judge_reply(Reply(status=400, body=b"stream of bytes is broken"), JOB, frozenset(), 0.0)
    assert verdict.leave_out is None
    assert verdict.error is not None


def test_a_full_server_says_for_how_long_or_does_not() -> None:
    """Both are told apart."""
    told = judge_reply(Reply(status=429, retry_after="2.5"), JOB, frozenset(), 0.0)
    assert told.full_s == 2.5
    assert isinstance(told.error, QueueFull)
    assert told.error.retry_after_s == 3
    assert judge_reply(Reply(status=503), JOB, frozenset(), 0.0).full_s < 0


DATE_PARTS = ("Thu,", "Jan", "1", "1994", "10000", "9" * 30, "²", "00:00:00", "1.2.3", "GMT", "+9999", "-", ":", ",")
NUMBERS = st.integers(-(10**12), 10**12) | st.integers(0, 99)
HEADERS = st.one_of(
    st.text(max_size=20),
    HALVES,
    st.lists(st.sampled_from(DATE_PARTS), max_size=7).map(" ".join),
    st.builds("Thu, {} Jan {} {}:{}:{} {}".format, *[NUMBERS] * 5, NUMBERS | st.just("GMT")),
    st.integers().map(str),
    st.floats().map(str),
)


@given(HEADERS, st.floats(0, 4e9))
def test_any_retry_after_is_a_wait_or_none(header: str, now: float) -> None:
    """Of no more than five minutes."""
    wait_s = retry_after_s(header, now)
    assert wait_s is None or 0 <= wait_s <= 300


@given(
    st.integers(300, 599) | st.sampled_from((400, 422, 429, 501, 503)),
    HEADERS,
    OBJECTS.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40),
    st.sets(st.sampled_from(Option)).map(frozenset),
)
def test_any_refusal_has_one_verdict(status: int, retry_after: str, body: bytes, asked: frozenset[Option]) -> None:
    """An error or something to leave out, a bounded wait, and words that a log can write."""
    for language in (None, "German"):
        job = Job(segment=make_segment(), options=Options(language=language), wants_deltas=False)
        verdict = judge_reply(Reply(status=status, retry_after=retry_after, body=body), job, asked, 1e9)
        assert verdict.error is not None or verdict.leave_out in asked
        assert -1 <= verdict.full_s <= 300
        verdict.said.encode()


@pytest.mark.parametrize(
    ("status", "body", "is_model"),
    [
        (404, b'{"error": {"message": "No.", "type": "invalid_request_error", "code": "model_not_found"}}', True),
        (404, b'{"error": {"message": "No.", "param": "model", "code": 404}}', True),
        (404, b'{"object": "error", "message": "The model `a` does not exist.", "code": 404}', True),
        (404, b'{"detail": "Model a is not installed locally."}', True),
        (404, b'{"detail": "Not Found"}', False),
        (404, b"<html><title>404 Not Found</title>our new model cars</html>", False),
        (404, b'{"model": "a"}', False),
        (404, b"", False),
        (405, b'{"detail": "Method Not Allowed for model"}', False),
    ],
)
def test_a_server_without_the_model_is_told_from_one_without_speech(status: int, body: bytes, is_model: bool) -> None:
    """Only an error of an API that is about a model is about a model."""
    trouble = judge_reply(Reply(status=status, body=body), JOB, frozenset(), 0.0).trouble
    assert trouble.startswith("The upstream does not offer this model" if is_model else "The upstream offers no trans")
