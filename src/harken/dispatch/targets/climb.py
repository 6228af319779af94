"""Hill climbing: is a target's throughput higher with more in flight, or no lower with fewer?

Every so often another limit is tried, between two measurements of the present one, so that a machine that becomes
slower meanwhile does not make the trial look worse. The higher limit wins unless the lower is shown to be about as good
(`ELASTICITY`): throughput is worth more than a little latency. While nothing changes trials become rare; when the
throughput itself changes they begin anew. Measured is not what ends per second, which says little when lengths differ
much, but each segment's own speed times the load beside it: on a shared processor that is the throughput, exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harken.dispatch.targets.rate import Rate, log_ratio

ELASTICITY = 0.05
"""The least that more in flight must win: 1 % more of them, 0.05 % more throughput (3.5 % for twice as many). On the
published curve of the 0.6B model that still allows the step from 128 to 256, which wins 4.7 %."""

_FIRST_FACTOR = 1.5
_LEAST_FACTOR = 1.2
_PROVEN_REST = 8
_REST_MAX = 32
"""Measurements between two trials, when many trials have changed nothing."""
_CHANGED = 0.22
"""A change of throughput, as a logarithm, that makes what was known old: about a quarter."""
_SURE = 0.01
_MORE = 128
"""Measurements beyond four times the least, where they differ so much that still nothing can be told."""
_LOAD_TOLERANCE = 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A segment was recognised.

    Attributes:
        now: the clock's time, in seconds.
        audio_s: seconds of audio.
        took_s: seconds from its claim to its end; 0 where nobody measured.
        load: segments on the target meanwhile, itself included: the mean over that time.
        in_flight: segments on the target at its end, itself included.
    """

    now: float
    audio_s: float
    took_s: float
    load: float
    in_flight: int

    @property
    def throughput(self) -> float:
        """Audio-seconds per second of the whole target while it ran, if all beside it ran at its speed."""
        return self.audio_s / self.took_s * self.load


class Climb:
    """Trials around a limit.

    Args:
        limit: to begin with.
        now: the clock's time, in seconds.
        is_proven: it was shown to be better than less; no trial is urgent.
    """

    def __init__(self, limit: int, *, now: float, is_proven: bool) -> None:
        self.limit = limit
        self._base = limit
        self._tried = limit
        self._since = now
        self._direction = -1
        self._factor = _FIRST_FACTOR
        self._backoff = _PROVEN_REST if is_proven else 1
        self._rest = self._backoff - 1
        self._measured = Rate()
        self._before: Rate | None = None
        self._trial: Rate | None = None
        self._usual = 0.0

    def add(self, done: Completion, slots: int) -> None:
        """Let a success count that ended while the limit bound."""
        self._base = min(self._base, slots)
        self.limit = min(self.limit, slots)
        # Only what ran wholly under this limit tells about it.
        is_clean = done.took_s > 0 and done.now - done.took_s >= self._since
        if not is_clean or abs(done.load - self.limit) > _LOAD_TOLERANCE * self.limit:
            return
        self._measured.add(done.throughput, done.took_s)
        if self._is_enough():
            self._end_measurement(done.now, slots)

    def _is_enough(self) -> bool:
        least, measured = 8 + self.limit // 4, self._measured
        if measured.count < least:
            return False
        if measured.error <= _SURE or measured.count >= 4 * least + _MORE:
            return True
        other = self._trial or self._before
        if other is None:
            return measured.count >= 4 * least
        # A trial costs throughput where it is worse; it ends as soon as that can be told.
        difference, error = log_ratio(measured, other)
        return abs(difference) > 3 * error + self._needed()

    def _end_measurement(self, now: float, slots: int) -> None:
        measured, self._measured = self._measured, Rate()
        if self._before is None:
            self._compare_with_usual(measured)
            if self._rest > 0:
                self._rest -= 1
                return
            self._before, self._tried = measured, self._next(slots)
            self._set(self._tried, now)
        elif self._trial is None:
            self._trial = measured
            self._set(self._base, now)
        else:
            limit = self._decide(self._before, self._trial, measured)
            self._before = self._trial = None
            self._set(limit, now)

    def _compare_with_usual(self, measured: Rate) -> None:
        if self._usual > 0 and abs(math.log(measured.mean / self._usual)) > _CHANGED:
            self._rest, self._backoff, self._factor, self._usual = 0, 1, _FIRST_FACTOR, 0.0
        self._usual = measured.mean if self._usual == 0 else 0.8 * self._usual + 0.2 * measured.mean

    def _next(self, slots: int) -> int:
        """The limit that is tried now; the other direction where there is no further one in this."""
        if self._base >= slots:
            self._direction = -1
        elif self._base == 1:
            self._direction = 1
        if self._direction > 0:
            return min(slots, max(self._base + 1, round(self._base * self._factor)))
        return max(1, min(self._base - 1, round(self._base / self._factor)))

    def _decide(self, before: Rate, trial: Rate, after: Rate) -> int:
        """Return the limit to go on with, and plan the next trial."""
        (first, first_error), (second, second_error) = log_ratio(trial, before), log_ratio(trial, after)
        gain, error = (first + second) / 2, math.hypot(first_error, second_error) / 2
        if abs(first - second) > _CHANGED:
            self._rest = 1  # too much has changed meanwhile to tell
            return self._base
        is_better = gain + error >= self._needed() if self._tried > self._base else error - gain < self._needed()
        if is_better:
            self._base, self._rest, self._backoff, self._usual = self._tried, 0, 1, 0.0
        else:
            self._direction = -self._direction
            self._factor = max(_LEAST_FACTOR, math.sqrt(self._factor))
            self._rest = self._backoff
            self._backoff = min(2 * self._backoff, _REST_MAX)
        return self._base

    def _needed(self) -> float:
        return ELASTICITY * abs(math.log(self._tried / self._base))

    def _set(self, limit: int, now: float) -> None:
        if limit != self.limit:
            self.limit, self._since = limit, now
