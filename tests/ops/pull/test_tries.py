"""How often something is tried."""

from __future__ import annotations

import random

from harken.ops.pull.tries import Patience, Tries


def tries(**more: float) -> Tries:
    """With these bounds."""
    return Tries(patience=Patience(attempts=4, first_s=1.0, most_s=2.0, busy_s=10.0), chance=random.Random(1), **more)


def test_failures_are_counted_and_waits_double() -> None:
    """Spread by a quarter, never beyond the longest."""
    one = tries()
    waits = [one.failed(None) for _ in range(4)]
    assert waits[3] is None
    for wait, least, most in zip(waits, (0.75, 1.5, 1.5), (1.25, 2.5, 2.5), strict=False):
        assert wait is not None and least <= wait <= most


def test_progress_makes_good_what_failed() -> None:
    """For both budgets."""
    one = tries()
    for _ in range(20):
        assert one.failed(None) is not None
        assert one.failed(6.0) == 6.0
        one.progressed()


def test_what_a_server_asks_for_is_waited_within_bounds() -> None:
    """At least our own first wait, in all no longer than allowed; it uses up no try."""
    one = tries()
    assert [one.failed(0.0) for _ in range(11)] == [1.0] * 10 + [None]
    assert tries().failed(11.0) is None
