"""Times of the monotonic clock as nanoseconds since 1970, for those who have only wall clocks.

The distance between the two clocks is kept, so that the spans of a request fit into each other to the nanosecond; it is
taken anew where somebody set the wall clock, or the machine slept. The invariant: of two times that are told with the
same distance, the earlier stays the earlier.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_STEP_NS = 100_000_000
"""The clocks went apart. Less is a thread that was kept from its core between the two looks."""


class Wall:
    """Makes wall times.

    Args:
        wall_ns: nanoseconds since 1970.
        monotonic_ns: nanoseconds of the clock that events have.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._apart_ns = wall_ns() - monotonic_ns()

    def look(self) -> None:
        """See whether the clocks went apart."""
        apart_ns = self._wall_ns() - self._monotonic_ns()
        if abs(apart_ns - self._apart_ns) > _STEP_NS:
            self._apart_ns = apart_ns

    def at_ns(self, monotonic_s: float) -> int:
        """Nanoseconds since 1970, of seconds of the monotonic clock."""
        return self._apart_ns + int(monotonic_s * 1e9)
