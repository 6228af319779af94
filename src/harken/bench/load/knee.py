"""How much a server can take: the knee of a sweep. Pure.

More load brings more answers, until it only brings longer waiting. The rule, said in every report: a step *holds* when
its goodput is by a stated share above the best of the steps before it, when enough of its requests came within the
target, and when almost none failed. The knee is the last step that holds. The invariant: the knee never depends on what
was measured after two steps in a row that did not hold, so a sweep may stop there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

STEPS_MOST = 16
_TOO_MANY = 2
"""Steps in a row that do not hold: one may be bad luck."""


class Verdict(Enum):
    """What a step showed."""

    HOLDS = "holds"
    NO_GAIN = "no gain"
    LATE = "too late"
    FAILS = "failures"
    CUT = "cut off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When a step holds.

    Attributes:
        growth: by which share its goodput must be above the best before; None where it need not: of live streams each
            brings its own work, and nothing is asked of them but that they are in time.
        within: the part of its requests that must succeed within the target; 0.95 is "its p95 is".
        success: the part that must succeed at all.
    """

    growth: float | None = 0.05
    within: float = 0.95
    success: float = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What counts of a step.

    Attributes:
        level: how much was asked at once, or in a second.
        goodput: answers within the target, per second.
        within: the part of the requests that succeeded within the target; None where there is no target.
        success: the part that succeeded.
    """

    level: float
    goodput: float
    within: float | None
    success: float


def verdicts(points: Sequence[Point], rule: Rule) -> list[Verdict]:
    """Judge each step by those before it; after two in a row that do not hold, none does."""
    found: list[Verdict] = []
    best = 0.0
    for point in points:
        verdict = Verdict.HOLDS
        if point.success < rule.success:
            verdict = Verdict.FAILS
        elif point.within is not None and point.within < rule.within:
            verdict = Verdict.LATE
        elif _is_over(found) or (rule.growth is not None and point.goodput <= best * (1 + rule.growth)):
            verdict = Verdict.NO_GAIN
        found.append(verdict)
        best = max(best, point.goodput)
    return found


def knee(points: Sequence[Point], rule: Rule) -> int | None:
    """Where the knee is, as a place among the points; None where no step holds."""
    places = [place for place, verdict in enumerate(verdicts(points, rule)) if verdict is Verdict.HOLDS]
    return places[-1] if places else None


def next_level(points: Sequence[Point], rule: Rule, *, factor: float, is_whole: bool) -> float | None:
    """Say how much to ask next; None where the knee is behind, or there were steps enough.

    Args:
        points: so far, at least one.
        rule: when a step holds.
        factor: from one step to the next, above 1.
        is_whole: levels are whole numbers.
    """
    if len(points) >= STEPS_MOST or _is_over(verdicts(points, rule)):
        return None
    level = points[-1].level * factor
    return float(max(round(level), int(points[-1].level) + 1)) if is_whole else float(f"{level:.3g}")


def _is_over(found: Sequence[Verdict]) -> bool:
    return any(
        all(verdict is not Verdict.HOLDS for verdict in found[place : place + _TOO_MANY])
        for place in range(len(found) - _TOO_MANY + 1)
    )
