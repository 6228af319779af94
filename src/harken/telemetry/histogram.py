"""Times in bins that grow by a tenth, for quantiles of the last minutes. Pure.

A quantile is that of the bin's middle, so it is off by five per cent at most, whatever came; a bin more or less costs
nothing, and histograms add up. It knows no clock. The invariant: a quantile lies within the times that were added.
"""

from __future__ import annotations

import math
from collections import Counter

_GROWTH = math.log(1.1)
_LEAST_S = 0.001
"""All shorter times are one bin: nobody tells them apart on a page."""


class Times:
    """A multitude of times."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self._least_s, self._most_s = math.inf, 0.0

    def __len__(self) -> int:
        """How many."""
        return self._bins.total()

    def add(self, seconds: float) -> None:
        """Take one more."""
        self._bins[_bin_of(seconds)] += 1
        self._least_s, self._most_s = min(self._least_s, seconds), max(self._most_s, seconds)

    def merge(self, other: Times) -> None:
        """Take all of another."""
        self._bins.update(other._bins)
        self._least_s = min(self._least_s, other._least_s)
        self._most_s = max(self._most_s, other._most_s)

    def quantile(self, share: float) -> float | None:
        """The time that this share of all do not exceed, in seconds; None where there are none.

        Args:
            share: 0 to 1.
        """
        wanted = max(1, math.ceil(share * len(self)))
        seen = 0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= wanted:
                middle = _LEAST_S * math.exp((place + 0.5) * _GROWTH)
                return min(max(middle, self._least_s), self._most_s)
        return None


def _bin_of(seconds: float) -> int:
    return int(math.log(seconds / _LEAST_S) / _GROWTH) if seconds > _LEAST_S else 0
