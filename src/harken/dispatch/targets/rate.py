"""A mean of measurements, and how sure it is.

Pure arithmetic: each measurement has a weight, here the time that it stands for. Invariant: `error` is infinite until
two measurements tell how much they differ, so nothing is ever decided by a single one.
"""

from __future__ import annotations

import math


class Rate:
    """Weighted mean of positive numbers, with its standard error."""

    __slots__ = ("_squares", "_sum", "_weight", "_weights_squared", "count")

    def __init__(self) -> None:
        self.count = 0
        self._weight = 0.0
        self._weights_squared = 0.0
        self._sum = 0.0
        self._squares = 0.0

    def add(self, value: float, weight: float) -> None:
        """Take a measurement."""
        self.count += 1
        self._weight += weight
        self._weights_squared += weight * weight
        self._sum += weight * value
        self._squares += weight * value * value

    @property
    def mean(self) -> float:
        """The mean; 0 before the first measurement."""
        return self._sum / self._weight if self._weight > 0 else 0.0

    @property
    def error(self) -> float:
        """The standard error of the mean, relative to it: 0.01 means that it is known to about 1 %."""
        mean = self.mean
        if self.count < 2 or mean <= 0:
            return math.inf
        variance = max(self._squares / self._weight - mean * mean, 0.0)
        # Kish's effective sample size: a few heavy measurements count for less than many equal ones.
        size = self._weight * self._weight / self._weights_squared
        return math.inf if size <= 1.0 else math.sqrt(variance / (size - 1.0)) / mean


def log_ratio(one: Rate, other: Rate) -> tuple[float, float]:
    """Return ln(one ÷ other) and its standard error."""
    return math.log(one.mean / other.mean), math.hypot(one.error, other.error)
