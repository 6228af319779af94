"""How many extra tries may be made: a share of what succeeds, and a small floor for quiet times.

Pure. Tries after failed ones, made without a bound, turn a small failure into an overload: with four tries each, a
fleet that begins to fail gets four times its load. So they are paid for, as in Finagle's RetryBudget and Envoy's retry
budgets: what succeeded lately is income, an extra try is an expense. Second tries of slow clips are paid in the same
way from a budget of their own. Invariant: whenever a try is paid for, those of the last `window_s` are at most `share`
× its successes + `floor`.
"""

from __future__ import annotations

_BINS = 10
"""Parts of the window; the oldest is forgotten at once, so the window's edge is a tenth of it rough."""


class Budget:
    """Income and expenses of the last seconds.

    Args:
        share: extra tries per success.
        floor: extra tries per window that need no success, so that the first requests after a start may fail too.
        window_s: how long a success counts, in seconds.
    """

    def __init__(self, *, share: float, floor: float, window_s: float = 10.0) -> None:
        self._share = share
        self._floor = floor
        self._bin_s = window_s / _BINS
        # One bin more than the window has: the present one is only begun.
        self._earned = [0] * (_BINS + 1)
        self._spent = [0] * (_BINS + 1)
        self._bin = 0

    def earn(self, now: float) -> None:
        """A segment was recognised. `now` is the clock's time in seconds."""
        self._advance(now)
        self._earned[self._bin % len(self._earned)] += 1

    def income(self, now: float) -> float:
        """Extra tries that what succeeded lately pays for, and the floor."""
        self._advance(now)
        return self._share * sum(self._earned) + self._floor

    def left(self, now: float) -> float:
        """Extra tries that may be made now; negative where the successes that paid for some are forgotten."""
        return self.income(now) - sum(self._spent)

    def spend(self, now: float) -> bool:
        """Pay for one extra try; False, and nothing changed, when it must wait."""
        if self.left(now) < 1.0:
            return False
        self._spent[self._bin % len(self._spent)] += 1
        return True

    def _advance(self, now: float) -> None:
        present = int(now // self._bin_s)
        for number in range(max(self._bin, present - _BINS - 1) + 1, present + 1):
            self._earned[number % len(self._earned)] = self._spent[number % len(self._spent)] = 0
        self._bin = max(self._bin, present)
