"""What the dispatcher's benchmark uploads, and how it knows a right answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.dispatch.answers import digest, problem
from benchmarks.dispatch.client import Reply
from benchmarks.dispatch.loudness import Loudness
from benchmarks.dispatch.tape import Tape, make_tape
from harken.audio import decode
from harken.engine.stub_answer import stub_text
from harken.types import Segment


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """A tape of two minutes, whose longest recording has one."""
    return make_tape(tmp_path_factory.mktemp("tape") / "tape.pcm", seconds=120, longest_s=60, seed=1)


def test_a_recording_is_a_wav_of_its_length(tape: Tape) -> None:
    """The blocks together are one file of the size that was announced."""
    recording = tape.cut(3, 6.5, 1)
    content = b"".join(recording.wav())
    assert len(content) == recording.size
    assert len(decode(content).samples) == 6.5 * 16_000


def test_the_checksum_is_what_a_stub_says_of_the_file(tape: Tape) -> None:
    """What is expected of a clip is computed from the samples as an instance decodes them."""
    recording = tape.cut(5, 9.0, 77)
    samples = decode(b"".join(recording.wav())).samples
    text = stub_text(Segment(samples=samples, request_id="r"))
    assert problem(recording, _answer(text)) == ""


def test_no_two_recordings_have_a_second_in_common(tape: Tape) -> None:
    """The same place of the tape under another number differs within every few samples, and is not heard to."""
    one, other = (decode(b"".join(tape.cut(2, 3.0, number).wav())).samples for number in (1, 2))
    different = np.flatnonzero(one != other)
    assert max(np.diff(different)) <= 32
    assert np.abs(one - other).max() <= 1 / 32768


def test_every_recording_begins_with_speech(tape: Tape) -> None:
    """Otherwise a clip might hold nothing but a pause, and its right answer would be empty."""
    for place in range(len(tape.starts)):
        samples = decode(b"".join(tape.cut(place, 1.0, 1).wav())).samples
        assert np.abs(samples).max() > 0.02


def test_a_recording_that_does_not_fit_is_a_mistake(tape: Tape) -> None:
    """The longest recording was said when the tape was made."""
    with pytest.raises(AssertionError, match="do not fit"):
        tape.cut(len(tape.starts) - 1, 70.0, 1)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"text": "stub 00000000 6.00s"}, "another text"),
        (200, {"text": ""}, "another text"),
        (200, {}, "another text"),
        (503, {"error": "…", "code": "queue_full"}, "503 queue_full"),
        (502, None, "502 from the proxy"),
    ],
)
def test_a_wrong_answer_to_a_clip_is_named(tape: Tape, status: int, body: object, expected: str) -> None:
    """A status, our code, or that the text is another one."""
    reply = Reply(status=status, body=b"<html>" if body is None else json.dumps(body).encode())
    assert problem(tape.cut(0, 6.0, 1), reply) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stub 00000001 28.00s stub 00000002 22.10s", ""),
        ("stub 00000001 28.00s", "segments missing"),
        ("stub 00000001 28.00s stub 00000002 28.00s", "segments missing"),
        ("stub 00000001 28.00s hello stub 00000002 22.10s", "not a stub's text"),
    ],
)
def test_the_segments_of_a_longer_recording_add_up_to_it(tape: Tape, text: str, expected: str) -> None:
    """But for the silence that is left out."""
    assert problem(tape.cut(0, 50.5, 1), _answer(text)) == expected


def test_no_answer_is_told_with_its_reason(tape: Tape) -> None:
    """A broken connection has no status."""
    assert problem(tape.cut(0, 2.0, 1), Reply(status=0, reason="gone")) == "0 gone"


def test_digests_tell_texts_apart() -> None:
    """And a failure has none."""
    assert digest(_answer("one")) != digest(_answer("two"))
    assert digest(Reply(status=500)) == 0


def test_loudness_tells_speech_from_pauses() -> None:
    """A frame each, the last one shorter."""
    samples = np.concatenate([np.zeros(1024, np.float32), np.full(700, 0.1, np.float32)])
    assert list(Loudness().listen().feed(samples) > 0.5) == [False, False, True, True]


def _answer(text: str) -> Reply:
    return Reply(status=200, body=json.dumps({"text": text}).encode())
