"""Rules of harken.engine.admission."""

from __future__ import annotations

import pytest

from harken.engine.admission import Admission
from harken.errors import AudioTooLong, QueueFull
from harken.testing import silence
from harken.types import Segment


def _segment(seconds: float) -> Segment:
    return Segment(samples=silence(seconds), request_id="r")


def test_a_place_is_given_back_however_the_block_ends() -> None:
    """Also after an error."""
    admission = Admission(room=1, max_segment_s=30)

    def fail_inside() -> None:
        with admission.admit(_segment(0.3), busy_s=0):
            assert admission.in_flight == 1
            assert admission.in_flight_audio_s == pytest.approx(0.3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert (admission.in_flight, admission.in_flight_audio_s) == (0, 0.0)


def test_one_too_many_is_refused_with_the_time_that_the_others_need() -> None:
    """Twenty seconds of audio wait, at five times real time: four seconds."""
    admission = Admission(room=2, max_segment_s=30)
    with admission.admit(_segment(10), busy_s=0) as first:
        first.is_done = True
    with (
        admission.admit(_segment(10), busy_s=2),
        admission.admit(_segment(10), busy_s=2),
        pytest.raises(QueueFull) as refusal,
        admission.admit(_segment(1), busy_s=2),
    ):
        pass
    assert refusal.value.retry_after_s == 4
    assert admission.in_flight == 0


def test_before_anything_was_recognised_the_pace_is_taken_for_real_time() -> None:
    """The wait is bounded in any case."""
    admission = Admission(room=1, max_segment_s=1000)
    assert admission.rtfx(busy_s=0) is None
    with admission.admit(_segment(500), busy_s=0), pytest.raises(QueueFull) as refusal:
        admission.admit(_segment(1), busy_s=0).__enter__()
    assert refusal.value.retry_after_s == 120


@pytest.mark.parametrize(("samples", "is_refused"), [(480_000, False), (480_001, True)])
def test_a_segment_may_be_as_long_as_the_model_takes_and_not_a_sample_longer(samples: int, is_refused: bool) -> None:
    """It is refused, never cut; the message has both lengths."""
    admission = Admission(room=1, max_segment_s=30)
    long = Segment(samples=silence(31)[:samples], request_id="r")
    if not is_refused:
        with admission.admit(long, busy_s=0):
            return
    with pytest.raises(AudioTooLong, match=r"30\.00 s.* at most 30 s"), admission.admit(long, busy_s=0):
        pass
