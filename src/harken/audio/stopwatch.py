"""How long one recording may be worked on. Waiting for a thread, or for somebody who wants the next piece, is free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from harken.clock import Clock
from harken.errors import TimedOut


class Stopwatch:
    """Runs inside `running` blocks.

    Args:
        timeout_s: the longest that it may have run.
        clock: where the time comes from.
        is_abandoned: asked with every check; true when nobody waits for the result any more.
    """

    def __init__(self, timeout_s: float, clock: Clock, is_abandoned: Callable[[], bool]) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._is_abandoned = is_abandoned
        self._spent_s = 0.0
        self._since: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time inside this block."""
        self._since = self._clock.now()
        try:
            yield
        finally:
            self._spent_s += self._clock.now() - self._since
            self._since = None

    def check(self) -> None:
        """Stop when it has taken too long, or when the caller has left.

        Raises:
            TimedOut: the time limit is passed.
            concurrent.futures.CancelledError: nobody waits any more.
        """
        if self._is_abandoned():
            raise CancelledError
        running_s = 0.0 if self._since is None else self._clock.now() - self._since
        if self._spent_s + running_s > self._timeout_s:
            raise TimedOut(f"Decoding took longer than {self._timeout_s:g} s.")
