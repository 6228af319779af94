"""Time as an argument, so that decisions can be tested without waiting."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds."""

    def now(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The real one."""

    def now(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()
