"""Digit error rate: how far recognised digit strings are from what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def edits(said: Sequence[int], heard: Sequence[int]) -> int:
    """Levenshtein distance: the fewest digits to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(said, start=1):
        above, row = row, [i]
        for j, found in enumerate(heard, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (wanted != found)))
    return row[-1]


@dataclass(frozen=True, kw_only=True)
class Score:
    """What came of one set of strings.

    Attributes:
        strings: how many were recognised.
        digits: how many digits were said in all.
        wrong: digits inserted, deleted or replaced.
        exact: strings without any error.
        language_right: strings whose language was recognised.
    """

    strings: int
    digits: int
    wrong: int
    exact: int
    language_right: int

    @property
    def rate(self) -> float:
        """Digit error rate, 0 to 1 (or above, when much was invented)."""
        return self.wrong / max(1, self.digits)


def score(results: Iterable[tuple[Sequence[int], Sequence[int], bool]]) -> Score:
    """Sum up (said, heard, language right)."""
    rows = [(len(said), edits(said, heard), right) for said, heard, right in results]
    return Score(
        strings=len(rows),
        digits=sum(said for said, _, _ in rows),
        wrong=sum(wrong for _, wrong, _ in rows),
        exact=sum(wrong == 0 for _, wrong, _ in rows),
        language_right=sum(right for _, _, right in rows),
    )
