"""Whether instances were let go too soon, and how much longer to wait next time.

Pure. A load that comes and goes just slower than the wait before a removal would have the fleet shrink and grow again
in each of its rounds; a fixed wait only moves the round at which that happens. So a removal that is taken back soon
doubles the wait, and one that is not halves it again. Invariant: the factor is from 1 to 8.
"""

from __future__ import annotations

from typing import Final

_MOST: Final = 8.0


class Regret:
    """Learns from what was taken back.

    Args:
        within_s: an addition so soon after a removal takes it back.

    Attributes:
        factor: times the usual wait.
    """

    def __init__(self, within_s: float) -> None:
        self.factor = 1.0
        self._within_s = within_s
        self._removed_at: float | None = None

    def removed(self, now: float) -> None:
        """Instances were removed; those of the last time were not missed."""
        if self._removed_at is not None:
            self.factor = max(1.0, self.factor / 2.0)
        self._removed_at = now

    def added(self, now: float) -> None:
        """Instances were added because they were needed."""
        if self._removed_at is not None and now - self._removed_at <= self._within_s * self.factor:
            self.factor = min(_MOST, self.factor * 2.0)
            self._removed_at = None
