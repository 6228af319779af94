"""Rules of what one gateway may use of an instance that others use too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.targets.sharing import ours_of
from harken.wire import ALONE, Crowd


@pytest.mark.parametrize(
    ("limit", "crowd", "ours"),
    [
        (8, ALONE, 8),
        (8, Crowd(others=0, gateways=3), 8),
        (8, Crowd(others=3, gateways=2), 5),
        (8, Crowd(others=8, gateways=2), 4),
        (8, Crowd(others=8, gateways=3), 3),
        (8, Crowd(others=20, gateways=1), 8),
        (2, Crowd(others=9, gateways=5), 1),
        (4, Crowd(others=3, gateways=3), 2),
    ],
)
def test_what_others_leave_is_ours_and_our_share_in_any_case(limit: int, crowd: Crowd, ours: int) -> None:
    """Alone, all of it."""
    assert ours_of(limit, crowd) == ours


@given(limit=st.integers(1, 128), gateways=st.integers(1, 9))
def test_gateways_that_all_want_all_settle_within_one_share_of_the_limit(limit: int, gateways: int) -> None:
    """Each in turn takes back what it may; from then on the instance runs full, and what waits in it is bounded."""
    have = [0] * gateways
    for turn in range(5 * gateways):
        one = turn % gateways
        others = sum(have) - have[one]
        have[one] = ours_of(limit, Crowd(others=others, gateways=gateways))
    assert sum(have) >= limit
    assert sum(have) <= max(2 * limit, gateways)
    assert all(one >= limit / gateways for one in have), "nobody's queue moves slower than its share"
