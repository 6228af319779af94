"""What a refusal means, beyond what the line's own tests show over real sockets."""

from __future__ import annotations

import pytest

from harken.dispatch.lines.openai.refusal import Reply, judge_reply, retry_after_s
from harken.dispatch.lines.openai.request import Option
from harken.errors import QueueFull
from harken.types import Options
from harken.wire import Job
from tests.dispatch.instances import make_segment

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
