"""How long things took, as counts: quantiles of any number of values in a bounded room. Pure.

Buckets grow by two per cent, so a quantile is off by one per cent at most (the idea of DDSketch, Masson et al., 2019).
The invariant: however many values were added, there are some two thousand buckets at most.
"""

from __future__ import annotations

import math
from collections import Counter

_GROWTH = math.log(1.02)
_LEAST, _MOST = 1e-4, 1e9


class Histogram:
    """Counts values above 0; smaller ones than a ten-thousandth count as that."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._count = 0

    def add(self, value: float) -> None:
        """Count a value; what is no number is left out."""
        if not math.isnan(value):
            self._buckets[math.floor(math.log(min(max(value, _LEAST), _MOST)) / _GROWTH)] += 1
            self._count += 1

    def quantile(self, part: float) -> float | None:
        """The value that `part` of all do not exceed; None where there are none."""
        if not self._count:
            return None
        rank, seen = max(1, math.ceil(part * self._count)), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return math.exp((bucket + 0.5) * _GROWTH)
        raise AssertionError(f"{seen} of {self._count} values are in buckets")
