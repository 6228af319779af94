"""A mean and how sure it is."""

from __future__ import annotations

import math
from random import Random

import pytest

from harken.dispatch.targets.rate import Rate, log_ratio


def rate(*values: float, weight: float = 1.0) -> Rate:
    """The mean of these."""
    mean = Rate()
    for value in values:
        mean.add(value, weight)
    return mean


def test_one_measurement_says_nothing_about_how_sure_it_is() -> None:
    """Nor does none."""
    assert rate().error == math.inf
    assert (rate(3.0).mean, rate(3.0).error) == (3.0, math.inf)


def test_equal_measurements_leave_no_doubt() -> None:
    """Whatever they weigh."""
    assert rate(4.0, 4.0, 4.0, weight=2.5).error == pytest.approx(0.0, abs=1e-7)


def test_the_error_is_that_of_the_textbook() -> None:
    """For equal weights: the sample's standard deviation over √n, relative to the mean."""
    assert rate(1.0, 2.0, 3.0).error == pytest.approx(math.sqrt(1.0 / 3) / 2.0)


def test_weights_count() -> None:
    """A long stretch says more than a short one, and one long stretch alone leaves doubt."""
    mean = rate(1.0)
    mean.add(5.0, 3.0)
    assert mean.mean == 4.0
    heavy = rate(*[1.0, 1.1] * 10)
    heavy.add(1.05, 1000.0)
    assert heavy.count == 21
    assert heavy.error > 0.0


def test_the_error_of_a_ratio_covers_the_truth_about_as_often_as_it_should() -> None:
    """200 pairs of equal means: about two thirds are within one error of 0."""
    random, within = Random(5), 0
    for _ in range(200):
        pair = [rate(*(random.gauss(10.0, 2.0) for _ in range(30))) for _ in range(2)]
        difference, error = log_ratio(pair[0], pair[1])
        within += abs(difference) < error
    assert 110 <= within <= 160
