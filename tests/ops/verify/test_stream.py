"""What counts as a stream."""

from __future__ import annotations

import json

import pytest

from harken.ops.verify.caller import Reply
from harken.ops.verify.check import CheckFailed
from harken.ops.verify.stream import check_events

DELTA = {"type": "transcript.text.delta", "delta": "one "}
DONE = {"type": "transcript.text.done", "text": "one one "}


def reply(*events: object, status: int = 200, kind: str = "text/event-stream") -> Reply:
    """An answer with these events."""
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    return Reply(status=status, took_s=1.0, headers={"content-type": kind}, body=body, arrivals=(0.5, 1.0))


def test_pieces_that_are_the_text_at_its_end_are_a_stream() -> None:
    """Each is counted."""
    assert check_events(reply(DELTA, DELTA, DONE)) == 2


@pytest.mark.parametrize(
    "odd",
    [
        reply(),
        reply(DELTA, DELTA),
        reply(DELTA, DONE),
        reply(DONE, DELTA),
        reply(DELTA, {"type": "error"}),
        reply(DELTA, 3),
        reply(DELTA, DELTA, DONE, status=503),
        reply(DELTA, DELTA, DONE, kind="application/json"),
        Reply(status=0, took_s=1.0, problem="no answer"),
        Reply(
            status=200, took_s=1.0, headers={"content-type": "text/event-stream"}, body=b"data: {\n\n", arrivals=(1.0,)
        ),
    ],
)
def test_anything_else_is_none(odd: Reply) -> None:
    """In a sentence."""
    with pytest.raises(CheckFailed):
        check_events(odd)
