"""Rules of harken.engine.stub_work: how several segments share one pretended processor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.engine.stub_work import SharedWork, speedup


@pytest.mark.parametrize(
    ("running", "times"), [(1, 1.0), (2, 1.65), (8, 4.63), (128, 10.52), (256, 11.02), (5000, 11.02)]
)
def test_the_speed_follows_the_published_table(running: int, times: float) -> None:
    """At its points exactly; beyond its end it stays."""
    assert speedup(running) == pytest.approx(times)


@given(st.integers(1, 600))
def test_more_at_a_time_is_never_slower_together_and_never_faster_each(running: int) -> None:
    """Between the points as well."""
    assert speedup(running + 1) >= speedup(running)
    assert speedup(running + 1) / (running + 1) <= speedup(running) / running + 1e-12


def test_one_alone_takes_its_seconds_by_its_speed() -> None:
    """Ten seconds of audio at fifty times real time: 0.2 s; marks at each half."""
    work = SharedWork(rtfx=50, now=100)
    work.start(1, 10, parts=2, now=100)
    assert work.next_in_s() == pytest.approx(0.1)
    assert [mark.part for mark in work.passed(now=100.1)] == [1]
    assert work.next_in_s() == pytest.approx(0.1)
    assert work.passed(now=100.15) == []
    assert [mark.part for mark in work.passed(now=100.2)] == [2]
    assert work.next_in_s() is None


def test_a_second_one_slows_the_first_down() -> None:
    """Together they do 1.65 times as much as one, so each gets 0.825 of the speed."""
    work = SharedWork(rtfx=1, now=0)
    work.start(1, 10, parts=1, now=0)
    work.start(2, 10, parts=1, now=5)
    assert work.next_in_s() == pytest.approx(5 / 0.825)
    assert [mark.key for mark in work.passed(now=5 + 5 / 0.825)] == [1]
    work.stop(1, now=5 + 5 / 0.825)
    assert work.next_in_s() == pytest.approx(5)


def test_one_that_left_has_no_marks_any_more() -> None:
    """And the other is as fast as alone again."""
    work = SharedWork(rtfx=1, now=0)
    work.start(1, 1, parts=1, now=0)
    work.start(2, 8, parts=1, now=0)
    work.stop(1, now=0)
    assert work.running == 1
    assert work.next_in_s() == pytest.approx(8)
    assert [mark.key for mark in work.passed(now=8)] == [2]


def test_another_speed_counts_from_now_on() -> None:
    """What was done stays done; at no speed at all nothing is next."""
    work = SharedWork(rtfx=10, now=0)
    work.start(1, 10, parts=1, now=0)
    work.set_rtfx(5, now=0.5)
    assert work.next_in_s() == pytest.approx(1.0)
    work.set_rtfx(0, now=1.0)
    assert work.next_in_s() is None
    assert work.passed(now=100.0) == []
    work.set_rtfx(10, now=100.0)
    assert work.next_in_s() == pytest.approx(0.25)
