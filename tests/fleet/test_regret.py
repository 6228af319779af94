"""Learning from removals that were taken back."""

from __future__ import annotations

from harken.fleet.regret import Regret


def test_a_removal_that_is_taken_back_soon_doubles_the_wait() -> None:
    """Up to eight times; one that nobody missed halves it again."""
    regret = Regret(600.0)
    factors = []
    for round_at in range(0, 50_000, 10_000):
        regret.removed(float(round_at))
        regret.added(round_at + 590.0)
        factors.append(regret.factor)
    assert factors == [2.0, 4.0, 8.0, 8.0, 8.0]
    for at in (60_000.0, 70_000.0, 80_000.0, 90_000.0, 100_000.0):
        regret.removed(at)
    assert regret.factor == 1.0


def test_an_addition_long_after_a_removal_takes_nothing_back() -> None:
    """The next morning's load says nothing about the evening's decision; nor does a first addition."""
    regret = Regret(600.0)
    regret.added(0.0)
    regret.removed(10.0)
    regret.added(611.0)
    assert regret.factor == 1.0
