"""How long one recording may be worked on. Waiting for a thread, or for somebody who wants the next piece, is free.

A fixed time bounds files that cost work and give nothing. What does give audio earns more: twelve hours take minutes on
a quiet machine, and much longer on one that recognises at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Final

from harken.clock import Clock
from harken.errors import TimedOut

EARNED_PER_AUDIO_S: Final = 0.1
"""One core decodes several hundred times real time; ten times is a machine that has no time for it."""


class Stopwatch:
    """Runs inside `running` blocks.

    Args:
        timeout_s: the longest that it may have run before any audio came out.
        clock: where the time comes from.
        is_abandoned: asked with every check; true when nobody waits for the result any more.
    """

    def __init__(self, timeout_s: float, clock: Clock, is_abandoned: Callable[[], bool]) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._is_abandoned = is_abandoned
        self._allowed_s = timeout_s
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

    def earn(self, audio_s: float) -> None:
        """Allow more: so many seconds of audio have come out so far."""
        self._allowed_s = self._timeout_s + audio_s * EARNED_PER_AUDIO_S

    def check(self) -> None:
        """Stop when it has taken too long, or when the caller has left.

        Raises:
            TimedOut: the time limit is passed.
            concurrent.futures.CancelledError: nobody waits any more.
        """
        if self._is_abandoned():
            raise CancelledError
        running_s = 0.0 if self._since is None else self._clock.now() - self._since
        if self._spent_s + running_s > self._allowed_s:
            raise TimedOut(f"Decoding took longer than {self._allowed_s:.0f} s.")
