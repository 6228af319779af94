"""Whether one more person can be followed, by what was measured on those who speak already. Pure: times come in.

Owns two measurements and how long each is believed: drafts say how late text is, and the fleet how many audio-seconds
it does. Whoever is away needs nothing now, and is not counted. The invariant: a figure that nothing renews loses its
say, so that a stall keeps nobody out when it is over.
"""

from __future__ import annotations

import math
from typing import Final

from harken.errors import HarkenError, LiveFull

LATE_S: Final = 2.0
"""Drafts that take longer than this are no live text: nobody else is let in."""

NEED: Final = 3.0
"""Audio-seconds a second that who speaks needs at least: a draft of six seconds every three, and the final text."""

RETRY_AFTER_S: Final = 10

_MEMORY: Final = 0.2
"""How much of the measured delay each draft renews."""

_FADE_S: Final = 5.0
"""The delay counts half after so long without a draft: those who are silent cannot show that it is over."""

_BELIEVED_S: Final = 60.0
"""How long the fleet's pace is believed that has not changed since: it is measured only while somebody waits."""


class Room:
    """Of one server."""

    def __init__(self) -> None:
        self.drafts = 0
        """How many were measured."""
        self._draft_s = 0.0
        self._draft_at = 0.0
        self._rtfx: float | None = None
        self._rtfx_at = 0.0

    def took(self, draft_s: float, now: float) -> None:
        """A draft took so long."""
        before = self.draft_s(now)
        self.drafts += 1
        self._draft_s = before + (draft_s - before) * (_MEMORY if self.drafts > 1 else 1.0)
        self._draft_at = now

    def draft_s(self, now: float) -> float:
        """Seconds that drafts take, about."""
        return self._draft_s * math.exp2(-max(0.0, now - self._draft_at) / _FADE_S)

    def paced(self, rtfx: float | None, now: float) -> None:
        """The fleet does so many audio-seconds a second; None before that was seen. Told again and again."""
        if rtfx != self._rtfx:
            self._rtfx, self._rtfx_at = rtfx, now

    def refusal(self, present: int, now: float) -> HarkenError | None:
        """Say why nobody else can be followed now; None where he can.

        Args:
            present: sessions whose clients are there.
            now: in seconds.
        """
        if not present:
            return None
        late_s = self.draft_s(now)
        if late_s > LATE_S:
            return LiveFull(f"Text comes {late_s:.1f} s late to those who speak already.", retry_after_s=RETRY_AFTER_S)
        is_believed = now - self._rtfx_at < _BELIEVED_S
        if self._rtfx is not None and is_believed and (present + 1) * NEED > self._rtfx:
            return LiveFull(retry_after_s=RETRY_AFTER_S)
        return None
