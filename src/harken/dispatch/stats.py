"""What a dispatcher has done so far, in numbers that only grow.

Plain counters, for whoever shows them; they decide nothing. Invariant: of all segments asked for, each ends as exactly
one of recognised, failed and abandoned, so their sum never exceeds `segments`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(kw_only=True, slots=True)
class Stats:
    """Counts since the start.

    Attributes:
        segments: asked for.
        recognized: ended with a transcript.
        failed: ended with an error, by its code.
        abandoned: their client left.
        audio_s: seconds of audio in what was recognised.
        tries: attempts on targets, second tries included.
        retries: further tries that failed segments asked for, in idle slots elsewhere or paid from the retry budget.
        postponed: of these, those that had to wait for one of the two.
        unpaid: of these, those that had neither in time; their segments ended with the failure.
        replays: further tries of segments whose instance was lost under them; not charged.
        turned_away: attempts that a target refused because it was full or leaving.
        hedges: second tries that began while the first went on.
        hedges_won: of these, those that were sooner than the first.
        hedges_failed: of these, those that failed.
        ejections: how often a target was set aside.
    """

    segments: int = 0
    recognized: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    abandoned: int = 0
    audio_s: float = 0.0
    tries: int = 0
    retries: int = 0
    postponed: int = 0
    unpaid: int = 0
    replays: int = 0
    turned_away: int = 0
    hedges: int = 0
    hedges_won: int = 0
    hedges_failed: int = 0
    ejections: int = 0

    def snapshot(self, *, ejections: int = 0) -> Stats:
        """The numbers of this moment, with the one that the pool counts; they no longer change."""
        return replace(self, failed=Counter(self.failed), ejections=ejections)
