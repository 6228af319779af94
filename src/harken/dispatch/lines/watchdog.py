"""Alive but stuck: judges the beats of one segment.

Pure. A beat proves that the instance's process lives; its progress says whether the segment moves on. While a segment
waits for its turn (progress 0) it cannot: that is bounded elsewhere, by the time of an attempt. The invariant: a stall
of our own, in which beats pile up unread, is never counted as one of the instance.
"""

from __future__ import annotations

BEAT_MAX_S = 2.0
"""Beats come at least so often; a longer pause between two that we read was ours."""


class Watchdog:
    """Follows one segment.

    Args:
        stall_s: so many seconds of beats with the same progress are a stall.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._progress = 0
        self._still_s = 0.0
        self._then: float | None = None

    @property
    def is_stalled(self) -> bool:
        """The segment has begun, and has not moved on for `stall_s`."""
        return self._still_s >= self._stall_s

    def hear_beat(self, progress: int, now: float) -> None:
        """Take a beat into account; `now` is the time in seconds."""
        has_moved = progress != self._progress or progress == 0
        passed_s = 0.0 if self._then is None else min(now - self._then, BEAT_MAX_S)
        self._still_s = 0.0 if has_moved else self._still_s + passed_s
        self._progress, self._then = progress, now

    def hear_text(self) -> None:
        """Text has come: it moves."""
        self._still_s = 0.0
