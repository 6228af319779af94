"""How much of a recording is done. Pure: counts samples, and tells seconds.

The invariant: what is told never goes down, and the last thing told is that all is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harken.types import SAMPLE_RATE


class Lengths(Protocol):
    """What is asked of a stream of pieces."""

    @property
    def total_s(self) -> float | None:
        """The length that the file's head promises, in seconds."""
        ...

    @property
    def decoded_s(self) -> float:
        """How far the recording is decoded; at its end, its length."""
        ...


class Meter:
    """Counts the done pieces of one recording.

    Args:
        tell: takes the seconds that are done, and those in all, as `Watch.progress` does.
        lengths: of the recording, as far as they are known.
    """

    def __init__(self, tell: Callable[[float, float | None], None], lengths: Lengths) -> None:
        self._tell = tell
        self._lengths = lengths
        self._samples = 0
        self._is_decoded = False
        self._last: tuple[float, float | None] | None = None

    def add(self, start: int, end: int) -> None:
        """One more piece is done: the samples [start, end)."""
        self._samples += end - start
        self._say()

    def decoded(self) -> None:
        """No more pieces will come: from now on the recording's length is known."""
        self._is_decoded = True

    def finish(self) -> None:
        """All pieces are done; say so, unless the last one said it already."""
        self._is_decoded = True
        self._say()

    def _say(self) -> None:
        done_s, total_s = self._samples / SAMPLE_RATE, self._lengths.total_s
        if self._is_decoded:
            total_s = self._lengths.decoded_s
        elif total_s is not None:
            total_s = max(total_s, done_s)
        if (done_s, total_s) != self._last:
            self._last = (done_s, total_s)
            self._tell(done_s, total_s)
