"""How much a server can take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.knee import STEPS_MOST, Point, Rule, Verdict, knee, next_level, verdicts

RULE = Rule(growth=0.05)


def _points(*goodput: float, within: float | None = None) -> list[Point]:
    return [Point(level=2.0**place, goodput=value, within=within, success=1.0) for place, value in enumerate(goodput)]


@pytest.mark.parametrize(
    ("goodput", "place"),
    [
        ((10, 20, 38, 39, 38), 2),  # no more comes
        ((10, 20, 38, 30, 60, 90), 5),  # one bad step is bad luck
        ((10, 20, 38, 30, 30, 90), 2),  # two are the end
        ((10,), 0),
        ((0, 0), None),  # nothing was ever answered
        ((), None),
    ],
)
def test_the_knee_is_the_last_step_that_brings_more(goodput: tuple[float, ...], place: int | None) -> None:
    """By a stated share more than the best before."""
    assert knee(_points(*goodput), RULE) == place


def test_a_step_that_is_too_late_or_fails_is_not_the_knee() -> None:
    """However much it brings; the reason is told."""
    late = Point(level=2, goodput=50, within=0.9, success=1.0)
    failing = Point(level=4, goodput=90, within=0.96, success=0.98)
    found = verdicts([*_points(10, within=1.0), late, failing], RULE)
    assert found == [Verdict.HOLDS, Verdict.LATE, Verdict.FAILS]


def test_without_a_target_nothing_is_late() -> None:
    """Only failures and no gain count."""
    assert verdicts(_points(10, 20), RULE) == [Verdict.HOLDS, Verdict.HOLDS]


def test_a_sweep_goes_on_until_two_steps_do_not_hold() -> None:
    """And not for ever."""
    assert next_level(_points(10, 20), RULE, factor=2, is_whole=True) == 4
    assert next_level(_points(10, 20, 20), RULE, factor=2, is_whole=True) == 8
    assert next_level(_points(10, 20, 20, 20), RULE, factor=2, is_whole=True) is None
    endless = _points(*(2.0**place for place in range(STEPS_MOST)))
    assert next_level(endless, RULE, factor=2, is_whole=True) is None


@given(st.floats(0.001, 1e4), st.floats(1.01, 3))
def test_levels_ascend(level: float, factor: float) -> None:
    """Whole ones stay whole."""
    point = Point(level=level, goodput=1, within=None, success=1.0)
    found = next_level([point], RULE, factor=factor, is_whole=False)
    assert found is not None and found >= level
    whole = next_level([Point(level=7, goodput=1, within=None, success=1.0)], RULE, factor=factor, is_whole=True)
    assert whole is not None and whole > 7 and whole == int(whole)


@given(st.lists(st.floats(0, 100), max_size=12), st.floats(0, 0.5))
def test_what_comes_after_the_end_changes_nothing(goodput: list[float], growth: float) -> None:
    """So a sweep may stop there."""
    rule, points = Rule(growth=growth), _points(*goodput)
    for count in range(1, len(points)):
        if next_level(points[:count], rule, factor=2, is_whole=True) is None:
            assert knee(points[:count], rule) == knee(points, rule)
