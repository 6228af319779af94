"""How often and after how long something is tried again. Pure: what happened in, seconds to wait out.

Two budgets: failures in a row, with a wait that doubles; and, where a server says itself when to come back (429, 503
with Retry-After), the time spent waiting for it. Progress renews both. The invariant: whatever a server does, the
answer is "no more" in the end, unless bytes keep arriving.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """The bounds.

    Attributes:
        attempts: failures in a row that end it.
        first_s: the wait after the first; it doubles.
        most_s: the longest wait of our own.
        busy_s: all that a server may ask us to wait, without progress in between.
        rounds: how often a whole file is fetched whose content turned out wrong, or that changed meanwhile.
    """

    attempts: int = 6
    first_s: float = 0.5
    most_s: float = 20.0
    busy_s: float = 600.0
    rounds: int = 3


@dataclass(kw_only=True, slots=True)
class Tries:
    """Counts for one thing that is tried.

    Attributes:
        patience: the bounds.
        chance: spreads the waits of many who failed together.
    """

    patience: Patience
    chance: random.Random
    _failures: int = field(default=0, init=False)
    _waited_s: float = field(default=0.0, init=False)

    def failed(self, retry_after_s: float | None) -> float | None:
        """Note a failure; return the seconds to wait before the next try, or None for no more."""
        if retry_after_s is not None:
            self._waited_s += max(retry_after_s, self.patience.first_s)
            return max(retry_after_s, self.patience.first_s) if self._waited_s <= self.patience.busy_s else None
        self._failures += 1
        if self._failures >= self.patience.attempts:
            return None
        wait_s = min(self.patience.most_s, self.patience.first_s * 2.0 ** (self._failures - 1))
        return wait_s * self.chance.uniform(0.75, 1.25)

    def progressed(self) -> None:
        """Something arrived: what failed before no longer counts."""
        self._failures, self._waited_s = 0, 0.0
