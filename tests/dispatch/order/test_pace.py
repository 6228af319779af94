"""The measured pace, and the Retry-After made of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.order.pace import Pace


def worked(seconds: float, rtfx: float) -> Pace:
    """A pace after so many seconds of one segment after the other, each a second long on the clock."""
    pace = Pace()
    for second in range(int(seconds)):
        pace.start(float(second))
        pace.end(second + 1.0, rtfx)
    return pace


def test_steady_work_is_measured_as_it_is() -> None:
    """Twenty audio-seconds per second are twenty, give or take the fading within one segment."""
    assert worked(100, rtfx=20.0).rtfx(100.0) == pytest.approx(20.0, rel=0.02)


def test_idle_time_does_not_make_the_fleet_look_slow() -> None:
    """After a quiet night the pace is what it was in the evening."""
    pace = worked(100, rtfx=20.0)
    assert pace.rtfx(50_000.0) == pace.rtfx(100.0)


def test_work_at_the_same_time_counts_its_seconds_once() -> None:
    """Four segments of ten seconds, all within one second, are forty per second."""
    pace = Pace()
    for _ in range(4):
        pace.start(0.0)
    for _ in range(4):
        pace.end(1.0, 10.0)
    assert pace.rtfx(1.0) == pytest.approx(40.0, rel=0.02)


def test_failures_cost_time_and_win_nothing() -> None:
    """A fleet that fails half of its segments is half as fast."""
    pace = Pace()
    for second in range(100):
        pace.start(float(second))
        pace.end(second + 1.0, 20.0 if second % 2 else 0.0)
    assert pace.rtfx(100.0) == pytest.approx(10.0, rel=0.05)


def test_a_change_of_pace_is_seen_within_a_few_half_lives() -> None:
    """What was is forgotten."""
    pace = worked(100, rtfx=20.0)
    for second in range(100, 300):
        pace.start(float(second))
        pace.end(second + 1.0, 2.0)
    assert pace.rtfx(300.0) == pytest.approx(2.0, rel=0.15)


def test_nothing_is_claimed_before_anything_was_measured() -> None:
    """None, not zero."""
    assert Pace().rtfx(10.0) is None


def test_what_the_fleet_can_do_is_measured_while_somebody_waits() -> None:
    """One clip at a time says nothing of ten instances; and before a whole round has ended nothing is claimed."""
    pace = worked(100, rtfx=2.0)
    assert pace.full_rtfx(100.0) is None
    pace.wait(100.0, is_full=True)
    for _ in range(10):
        pace.start(100.0)
    for _ in range(10):
        assert pace.full_rtfx(105.0) is None
        pace.end(105.0, 10.0)
    assert pace.full_rtfx(105.0) == pytest.approx(20.0, rel=0.05)
    pace.wait(105.0, is_full=False)
    pace.start(105.0)
    pace.end(205.0, 1.0)
    assert pace.full_rtfx(5_000.0) == pytest.approx(20.0, rel=0.05)


def test_half_of_what_the_fleet_does_now_is_the_least_that_it_can_do() -> None:
    """It was held while somebody waited, or had fewer instances; nobody has to wait again for that to be forgotten."""
    pace = Pace()
    pace.wait(0.0, is_full=True)
    pace.start(0.0)
    pace.end(10.0, 1.0)
    pace.wait(10.0, is_full=False)
    assert pace.full_rtfx(10.0) == pytest.approx(0.1, rel=0.05)
    for second in range(10, 200):
        pace.start(float(second))
        pace.end(second + 1.0, 20.0)
    assert pace.full_rtfx(200.0) == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize(("queued_audio_s", "seconds"), [(0.0, 1), (10.0, 1), (900.0, 45), (1e9, 120)])
def test_retry_after_is_the_queue_over_the_pace_within_bounds(queued_audio_s: float, seconds: int) -> None:
    """900 queued audio-seconds at 20 per second: 45 s."""
    assert worked(200, rtfx=20.0).retry_after_s(queued_audio_s, 200.0) == pytest.approx(seconds, abs=1)


@settings(deadline=None)  # a busy machine is no defect
@given(st.floats(0, 1e12), st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=20))
def test_retry_after_is_always_a_sane_whole_number(queued_audio_s: float, work: list[tuple[float, float]]) -> None:
    """From 1 to 120, whatever was measured."""
    pace, now = Pace(), 0.0
    for lasts_s, audio_s in work:
        pace.start(now)
        now += lasts_s
        pace.end(now, audio_s)
    assert 1 <= pace.retry_after_s(queued_audio_s, now) <= 120


def test_the_time_that_a_segment_will_run_is_its_part_of_the_pace() -> None:
    """Twenty per second by one at a time; four at a time have a fourth each."""
    pace = worked(100, rtfx=20.0)
    assert pace.run_s(10.0, 100.0) == pytest.approx(0.5, rel=0.02)
    for _ in range(4):
        pace.start(100.0)
    assert pace.run_s(10.0, 100.0) == pytest.approx(2.0, rel=0.02)
