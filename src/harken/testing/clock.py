"""A clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """Implements `harken.clock.Clock`; time passes only by `advance`."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def now(self) -> float:
        """The time that a test set, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; it never goes back."""
        assert seconds >= 0, f"time cannot go back by {-seconds} s"
        self._now += seconds
