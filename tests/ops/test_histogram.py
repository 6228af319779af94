"""Quantiles in a bounded room."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.ops.histogram import Histogram


@given(st.lists(st.floats(min_value=0.001, max_value=1e5), min_size=1), st.floats(min_value=0.01, max_value=1))
def test_a_quantile_is_right_to_one_per_cent(values: list[float], part: float) -> None:
    """Whatever the values are."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(1, math.ceil(part * len(values))) - 1]
    assert histogram.quantile(part) == pytest.approx(exact, rel=0.0101)


def test_nothing_has_no_quantile() -> None:
    """And what is no number is nothing."""
    histogram = Histogram()
    histogram.add(float("nan"))
    assert histogram.quantile(0.5) is None


def test_extremes_take_no_more_room() -> None:
    """Zero, less than zero, infinity."""
    histogram = Histogram()
    for value in (0.0, -5.0, 1e-300, float("inf"), 1e300):
        histogram.add(value)
    assert len(histogram._buckets) == 2
