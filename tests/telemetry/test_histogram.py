"""Rules of harken.telemetry.histogram."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.telemetry.histogram import Times

SECONDS = st.floats(min_value=0.0, max_value=1e5)


def times_of(seconds: list[float]) -> Times:
    """These, in one."""
    times = Times()
    for each in seconds:
        times.add(each)
    return times


def test_without_times_there_is_no_quantile() -> None:
    """Rather than a zero that somebody believes."""
    assert Times().quantile(0.5) is None


@given(st.lists(SECONDS, min_size=1, max_size=50), st.floats(min_value=0.0, max_value=1.0))
def test_a_quantile_is_off_by_a_twentieth_at_most(seconds: list[float], share: float) -> None:
    """Compared with numpy's, which sees every time; what is shorter than a millisecond is that."""
    found = times_of(seconds).quantile(share)
    true = float(np.quantile(seconds, share, method="inverted_cdf"))
    assert found is not None
    assert min(seconds) <= found <= max(seconds)
    assert found == pytest.approx(true, rel=0.05, abs=0.0011)


@given(st.lists(SECONDS, max_size=20), st.lists(SECONDS, max_size=20))
def test_two_together_are_as_if_all_had_been_added_to_one(first: list[float], second: list[float]) -> None:
    """Minutes are made of steps."""
    merged = times_of(first)
    merged.merge(times_of(second))
    whole = times_of(first + second)
    assert len(merged) == len(first) + len(second)
    assert [merged.quantile(share) for share in (0.0, 0.5, 0.95, 1.0)] == [
        whole.quantile(share) for share in (0.0, 0.5, 0.95, 1.0)
    ]
