"""Calls come as those of real people do."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np

from harken.bench.load.arrivals import poisson


def test_the_rate_is_right_and_distances_are_exponential() -> None:
    """Twenty a second: a mean distance of a twentieth, and as much deviation as mean."""
    times = list(islice(poisson(20.0, seed=1), 20_000))
    distances = np.diff(times)
    assert abs(distances.mean() * 20 - 1) < 0.03
    assert abs(distances.std() * 20 - 1) < 0.05
    assert all(before <= after for before, after in pairwise(times))


def test_a_seed_is_a_day() -> None:
    """The same seed gives the same times, another others."""
    one, same, other = (list(islice(poisson(5.0, seed), 3000)) for seed in (1, 1, 2))
    assert one == same != other
