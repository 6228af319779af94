"""What a simulated day came to: its waits, its cost, and the decisions that changed something.

Plain counting. Invariant: waits are of all recordings that were let in; one that timed out has waited, too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from harken.fleet.decision import LASTING, Decision
from harken.fleet.sample import Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A decision worth a line.

    Attributes:
        at_s: second of the day.
        was: instances before.
        wanted: instances after.
        blocked_by: what was in the way of another count.
        reason: for people.
    """

    at_s: float
    was: int
    wanted: int
    blocked_by: str
    reason: str

    @classmethod
    def of(cls, now: float, sample: Sample, decision: Decision) -> Entry:
        """Take from a decision what the day remembers of it."""
        return cls(
            at_s=now,
            was=sample.wanted,
            wanted=decision.wanted,
            blocked_by=str(decision.blocked_by),
            reason=decision.reason,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One decider's day.

    Attributes:
        name: whose.
        recordings: that were let in.
        refused: that were not: too much waited already.
        timed_out: that waited longer than is allowed.
        wait_p50_s: the longest wait of a segment of theirs; None where there was no recording. Then further quantiles.
        instance_hours: what it cost.
        most: instances at the same time, leaving ones included.
        last: instances at the end.
        changes: how often the count changed.
        turns: how often it went the other way than before.
        entries: the changes, and once each time what stood in the way for good.
    """

    name: str
    recordings: int
    refused: int
    timed_out: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    wait_p99_s: float | None
    wait_max_s: float | None
    instance_hours: float
    most: int
    last: int
    changes: int
    turns: int
    entries: tuple[Entry, ...]


class DayScore:
    """Counts while the day goes on.

    Attributes:
        refused: recordings that were not let in.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._timed_out = 0
        self._waits: list[float] = []
        self._entries: list[Entry] = []
        self._blocks: set[str] = set()

    def end(self, wait_s: float, *, is_lost: bool) -> None:
        """A recording has ended."""
        self._waits.append(wait_s)
        self._timed_out += is_lost

    def note(self, entry: Entry) -> None:
        """Keep a decision if it changed something, or the first time at this count that it met an obstacle."""
        if entry.wanted != entry.was:
            self._blocks = {entry.blocked_by}
            self._entries.append(entry)
        elif entry.blocked_by in LASTING and entry.blocked_by not in self._blocks:
            self._blocks.add(entry.blocked_by)
            self._entries.append(entry)

    def row(self, name: str, *, instance_s: float, most: int, last: int) -> Row:
        """Add it up."""
        self._waits.sort()
        changes = [entry.wanted - entry.was for entry in self._entries if entry.wanted != entry.was]
        return Row(
            name=name,
            recordings=len(self._waits),
            refused=self.refused,
            timed_out=self._timed_out,
            wait_p50_s=_quantile(self._waits, 0.5),
            wait_p95_s=_quantile(self._waits, 0.95),
            wait_p99_s=_quantile(self._waits, 0.99),
            wait_max_s=_quantile(self._waits, 1.0),
            instance_hours=round(instance_s / 3600.0, 3),
            most=most,
            last=last,
            changes=len(changes),
            turns=sum((one > 0) != (next_one > 0) for one, next_one in itertools.pairwise(changes)),
            entries=tuple(self._entries),
        )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of the values do not exceed, in milliseconds' precision."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3) if ordered else None
