"""Quantiles of recent service times."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.recovery.quantile import ServiceTimes, SlidingQuantile

NUMBERS = st.lists(st.floats(0, 100), min_size=1, max_size=60)


@given(NUMBERS, st.floats(0.01, 1.0))
def test_it_is_what_sorting_the_last_ones_would_give(values: list[float], share: float) -> None:
    """The reference keeps them all."""
    sliding = SlidingQuantile(size=20)
    for value in values:
        sliding.add(value)
    last = sorted(values[-20:])
    assert len(sliding) == len(last)
    assert sliding.at(share) == last[math.ceil(share * len(last)) - 1]


def test_too_few_tell_nothing() -> None:
    """A quantile of three is an accident."""
    times = ServiceTimes(volume=4)
    for _ in range(3):
        times.add(6.0, 1.0)
    assert times.quantile(6.0, 0.95) is None
    times.add(6.0, 1.0)
    assert times.quantile(6.0, 0.95) == 1.0


def test_lengths_are_not_mixed() -> None:
    """Long segments take longer, and that is no news about short ones."""
    times = ServiceTimes(volume=1)
    times.add(30.0, 9.0)
    times.add(3.0, 1.0)
    assert (times.quantile(28.0, 0.95), times.quantile(4.0, 0.95)) == (9.0, 1.0)
    assert times.quantile(7.0, 0.95) is None


@pytest.mark.parametrize("audio_s", [0.0, 0.001, 1.0, 30.0, 1e6])
def test_every_length_has_a_class(audio_s: float) -> None:
    """Also the impossible ones."""
    times = ServiceTimes(volume=1)
    times.add(audio_s, 1.0)
    assert times.quantile(audio_s, 0.5) == 1.0


def test_it_follows_a_fleet_that_becomes_slower() -> None:
    """What was fast is pushed out."""
    times = ServiceTimes()
    for took_s in [1.0] * 1000 + [5.0] * 256:
        times.add(6.0, took_s)
    assert times.quantile(6.0, 0.05) == 5.0
