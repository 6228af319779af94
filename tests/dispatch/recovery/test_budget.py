"""The budget of extra tries: what it allows, what it never allows, and what it forgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.recovery.budget import Budget


def spend_all(budget: Budget, now: float) -> int:
    """Spend until it refuses."""
    count = 0
    while budget.spend(now):
        count += 1
    return count


def test_without_any_success_there_is_the_floor() -> None:
    """The first requests after a start may fail too."""
    assert spend_all(Budget(share=0.1, floor=3), 0.0) == 3


def test_a_share_of_the_successes_is_added_to_it() -> None:
    """Fifty successes pay for five tries."""
    budget = Budget(share=0.1, floor=3)
    for _ in range(50):
        budget.earn(0.0)
    assert spend_all(budget, 0.0) == 8


def test_without_a_floor_the_first_try_waits_for_enough_successes() -> None:
    """Nineteen are not enough for a share of a twentieth."""
    budget = Budget(share=0.05, floor=0)
    for _ in range(19):
        budget.earn(0.0)
    assert not budget.spend(0.0)
    budget.earn(0.0)
    assert budget.spend(0.0)


def test_what_was_spent_comes_back_with_time() -> None:
    """One window later the floor is there again, however little succeeded."""
    budget = Budget(share=0.1, floor=3, window_s=10)
    assert spend_all(budget, 100.0) == 3
    assert spend_all(budget, 109.0) == 0
    assert spend_all(budget, 111.0) == 3


def test_a_good_night_does_not_pay_for_a_storm_in_the_morning() -> None:
    """Successes count for one window only."""
    budget = Budget(share=0.1, floor=1, window_s=10)
    for _ in range(10_000):
        budget.earn(0.0)
    assert spend_all(budget, 3600.0) == 1


def test_a_share_of_zero_without_floor_allows_nothing() -> None:
    """That is how second tries are switched off."""
    budget = Budget(share=0.0, floor=0)
    for _ in range(1000):
        budget.earn(0.0)
    assert not budget.spend(0.0)


@pytest.mark.parametrize("jump", [0.0, 1.0, 11.0, 1e9])
def test_time_may_jump_as_far_as_it_likes(jump: float) -> None:
    """A machine that slept costs no more than one that did not."""
    budget = Budget(share=0.1, floor=2, window_s=10)
    budget.spend(1e6)
    assert budget.left(1e6 + jump) == (2 if jump > 10 else 1)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=200))
def test_in_no_window_more_is_spent_than_the_share_and_the_floor(steps: list[tuple[float, bool]]) -> None:
    """Whatever the order of successes and wishes is."""
    budget, now = Budget(share=0.3, floor=2, window_s=10), 0.0
    earned, spent = list[float](), list[float]()
    for wait_s, is_success in steps:
        now += wait_s
        if is_success:
            budget.earn(now)
            earned.append(now)
        elif budget.spend(now):
            spent.append(now)
            # The window ends with the present bin and begins ten whole bins before it.
            begin = now // 1.0 - 10
            income = 0.3 * sum(time >= begin for time in earned) + 2
            assert sum(time >= begin for time in spent) <= income + 1e-9
