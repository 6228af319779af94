"""The wire: what one side packs, the other unpacks; anything else is refused by name."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import InstanceFailed, QueueFull, leaves
from harken.types import Finish, ModelInfo, Options, Segment, Transcript
from harken.wire import (
    Beat,
    Delta,
    Done,
    Failed,
    InstanceState,
    Job,
    Message,
    WireError,
    pack_job,
    pack_message,
    pack_state,
    unpack_job,
    unpack_message,
    unpack_state,
)

INFO = ModelInfo(name="m", revision="r", max_segment_s=30.0, languages=("English", "Chinese"), slots=8)


@given(
    samples=st.lists(st.floats(-1, 1, width=32), max_size=50),
    context=st.text(max_size=50),
    language=st.sampled_from([None, "English"]),
    index=st.integers(0, 1000),
    start=st.integers(0, 10**9),
    wants_deltas=st.booleans(),
)
def test_a_job_survives_the_wire_to_the_bit(
    samples: list[float], context: str, language: str | None, index: int, start: int, wants_deltas: bool
) -> None:
    """What the instance hears is what the gateway cut."""
    segment = Segment(samples=np.array(samples, np.float32), request_id="req_1", index=index, start=start)
    job = unpack_job(
        pack_job(Job(segment=segment, options=Options(language=language, context=context), wants_deltas=wants_deltas))
    )
    assert job.segment.samples.tobytes() == segment.samples.tobytes()
    assert (job.segment.id, job.segment.start) == (segment.id, start)
    assert (job.options, job.wants_deltas) == (Options(language=language, context=context), wants_deltas)


@pytest.mark.parametrize(
    "message",
    [
        Delta(text="三 one\n"),
        Beat(),
        Beat(progress=17),
        Done(
            transcript=Transcript(
                text="三一四", language="Chinese", audio_s=1.5, tokens=9, finish=Finish.LENGTH, instance="asr-1"
            )
        ),
        Failed(code="queue_full", message="Full.", retry_after_s=3),
    ],
)
def test_a_message_survives_the_wire_as_one_line(message: Message) -> None:
    """Line breaks inside a text never split a message."""
    line = pack_message(message)
    assert line.count(b"\n") == 1
    assert unpack_message(line) == message


def test_a_state_survives_the_wire() -> None:
    """With and without a loaded model."""
    for model in (None, INFO):
        state = InstanceState(
            name="asr-1", state="ready", model=model, in_flight=3, detail="d", uptime_s=1.0, loop_lag_s=0.25
        )
        assert unpack_state(pack_state(state)) == state


def test_a_failure_becomes_the_same_error_on_the_other_side() -> None:
    """Codes are stable across the wire; an unknown one is the instance's fault."""
    error = Failed(code="queue_full", message="Full.", retry_after_s=3).error()
    assert (type(error), error.message, error.retry_after_s) == (QueueFull, "Full.", 3)
    assert isinstance(Failed(code="from_the_future", message="?").error(), InstanceFailed)
    assert all(Failed(code=code, message="m").error().code == code for code in leaves())


def _body(header: object, samples: bytes = b"") -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<I", len(raw)) + raw + samples


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff{}",
        struct.pack("<I", 2) + b"[]",
        struct.pack("<I", 3) + b"{a}",
        _body({"version": 1}),
        _body({"version": 1}, b"\x00"),
        _body({"request_id": "x"}),
    ],
)
def test_bytes_that_are_no_job_are_refused(body: bytes) -> None:
    """A stranger at the instance's port gets an error, never a crash."""
    with pytest.raises(WireError):
        unpack_job(body)


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"3", b'{"type":"new"}', b'{"type":"done"}', b'{"type":"done","transcript":{}}', b"\xff"],
)
def test_lines_that_are_no_message_are_refused(line: bytes) -> None:
    """Garbage from an instance is an error with a name."""
    with pytest.raises(WireError):
        unpack_message(line)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"version":9}', b'{"version":1}', b'{"version":1,"model":3}'])
def test_bytes_that_are_no_state_are_refused(body: bytes) -> None:
    """A server that is not ours is not taken for an instance."""
    with pytest.raises(WireError):
        unpack_state(body)


def test_a_length_that_does_not_fit_is_refused() -> None:
    """Half a segment is not a segment."""
    segment = Segment(samples=np.zeros(10, np.float32), request_id="r")
    body = pack_job(Job(segment=segment, options=Options(), wants_deltas=False))
    with pytest.raises(WireError, match="10 samples"):
        unpack_job(body[:-4])
