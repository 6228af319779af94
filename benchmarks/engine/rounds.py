"""When a measured level begins, how long its rounds are, and when it is over. Pure: times come in as numbers.

Clients keep so many segments in flight without a break, so nothing is measured while a machine runs empty. The first
segment of each is the warm-up. A round is whole batches (as many segments as are in flight), because segments that
begin together end together: half a batch would be the time of a whole one.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long to measure.

    Attributes:
        rounds: of each level.
        batches: of each round, at least.
        duration_s: of each round, at least.
    """

    rounds: int = 2
    batches: int = 2
    duration_s: float = 5.0


class Rounds:
    """Counts the segments of one level.

    Args:
        at_a_time: segments in flight.
        pace: how long to measure.
    """

    def __init__(self, at_a_time: int, pace: Pace) -> None:
        self._at_a_time = at_a_time
        self._pace = pace
        self._seen = 0
        self._marks: list[tuple[float, int]] = []
        """The ends of the warm-up and of each round: the time, and the segments seen by then."""

    @property
    def has_begun(self) -> bool:
        """The warm-up is over."""
        return bool(self._marks)

    @property
    def is_over(self) -> bool:
        """All rounds are done."""
        return len(self._marks) > self._pace.rounds

    def see(self, now: float) -> None:
        """A segment has ended."""
        if self.is_over:
            return
        self._seen += 1
        if self._seen % self._at_a_time:
            return
        if self._marks:
            began, seen = self._marks[-1]
            is_long = now - began >= self._pace.duration_s
            if not is_long or self._seen - seen < self._pace.batches * self._at_a_time:
                return
        self._marks.append((now, self._seen))

    def span(self) -> tuple[float, float]:
        """When the first round began, and when the last ended."""
        return self._marks[0][0], self._marks[-1][0]

    def segments_per_s(self) -> list[float]:
        """Of every round."""
        pairs = zip(self._marks, self._marks[1:], strict=False)
        return [(seen - before) / (now - began) for (began, before), (now, seen) in pairs]

    def median_per_s(self) -> float:
        """Segments per second of the median round."""
        return statistics.median(self.segments_per_s())
