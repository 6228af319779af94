"""What an arm of the simulation achieved: latencies by length, failures, the longest queue.

It only counts. Latency is counted from the time at which a recording was meant to arrive. Recordings of the warm-up are
left out of the latencies, while the fleet is still filling; failures always count. Invariant: every recording that was
sent is counted once, as done or as failed.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from harken.bench.workload import LONG_S, SHORT_S, Arrival


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One arm's figures.

    Attributes:
        name: of the arm.
        short_p50_s: median latency of clips below 30 s, in seconds; None where there were none (so for all latencies).
        short_p95_s: their 95th percentile.
        short_p99_s: their 99th percentile.
        medium_p95_s: 95th percentile of recordings from 30 s to 5 min.
        long_p95_s: of those from 5 min.
        recordings: that were sent.
        failures: of them, those that got no transcript.
        queue_max_audio_s: the most audio that waited for a slot at a time, wherever it waited.
        decisions: placements of work on an instance.
        simulated_s: virtual seconds from the first arrival to the last answer.
        took_s: real seconds that the simulation took.
    """

    name: str
    short_p50_s: float | None
    short_p95_s: float | None
    short_p99_s: float | None
    medium_p95_s: float | None
    long_p95_s: float | None
    recordings: int
    failures: int
    queue_max_audio_s: float
    decisions: int
    simulated_s: float
    took_s: float

    @property
    def decisions_per_s(self) -> float:
        """Placements per real second, everything else that is simulated included."""
        return self.decisions / self.took_s if self.took_s > 0 else 0.0


class Score:
    """Counts for one arm.

    Args:
        warm_up_s: recordings that arrive earlier are left out of the latencies.
    """

    def __init__(self, warm_up_s: float = 0.0) -> None:
        self.done = 0
        self.failures = 0
        self.decisions = 0
        self.queue_max_audio_s = 0.0
        self._warm_up_s = warm_up_s
        self._short, self._medium, self._long = array("d"), array("d"), array("d")

    def finish(self, arrival: Arrival, now: float) -> None:
        """A recording has its transcript."""
        self.done += 1
        if arrival.at_s >= self._warm_up_s:
            self._of(arrival.audio_s).append(now - arrival.at_s)

    def fail(self) -> None:
        """A recording has none and will get none."""
        self.failures += 1

    def wait(self, audio_s: float) -> None:
        """So much waits now."""
        self.queue_max_audio_s = max(self.queue_max_audio_s, audio_s)

    def row(self, name: str, *, simulated_s: float, took_s: float) -> Row:
        """Sum it up."""
        for each in (self._short, self._medium, self._long):
            each[:] = array("d", sorted(each))
        return Row(
            name=name,
            short_p50_s=quantile(self._short, 0.50),
            short_p95_s=quantile(self._short, 0.95),
            short_p99_s=quantile(self._short, 0.99),
            medium_p95_s=quantile(self._medium, 0.95),
            long_p95_s=quantile(self._long, 0.95),
            recordings=self.done + self.failures,
            failures=self.failures,
            queue_max_audio_s=self.queue_max_audio_s,
            decisions=self.decisions,
            simulated_s=simulated_s,
            took_s=took_s,
        )

    def _of(self, audio_s: float) -> array[float]:
        if audio_s < SHORT_S:
            return self._short
        return self._medium if audio_s < LONG_S else self._long


def quantile(values: Sequence[float], part: float) -> float | None:
    """The smallest of the sorted values that is not below `part` of them (nearest rank); None of nothing."""
    if not values:
        return None
    return values[max(0, -int(-part * len(values) // 1) - 1)]
