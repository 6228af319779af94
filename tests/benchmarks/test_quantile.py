"""Quantiles of what was measured."""

from __future__ import annotations

import math

import pytest

from benchmarks.quantile import quantile


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1.0, 4.0), (0.0, 1.0)])
def test_a_quantile_is_a_value_that_was_seen(share: float, expected: float) -> None:
    """Nearest rank: no figure is invented between two."""
    assert quantile([3.0, 1.0, 4.0, 2.0], share) == expected


def test_nothing_has_no_quantile() -> None:
    """NaN, and not 0, which would look fast."""
    assert math.isnan(quantile([], 0.5))
