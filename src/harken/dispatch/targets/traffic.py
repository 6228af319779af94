"""What a target has done so far and how it does lately, in one line for whoever compares targets.

Pure reading. The counts only grow while a target lives; one that was added again under its name begins at 0. The
invariant: looking changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.dispatch.targets.outliers import Standing
from harken.dispatch.targets.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """One target's line.

    Attributes:
        name: of the target.
        successes: segments that it recognised since it was added.
        failures: segments that failed there, and not through the client's fault.
        standing: its recent speed and failures, relative to its weight.
    """

    name: str
    successes: int
    failures: int
    standing: Standing


def traffic_of(target: Target, now: float) -> Traffic:
    """Read a target at the clock's time `now`, in seconds."""
    return Traffic(
        name=target.name,
        successes=target.successes,
        failures=target.failures,
        standing=target.record.standing(now, weight=target.weight),
    )
