"""How a new instance does in real traffic, beside those of the old model that serve at the same time.

Pure: what the dispatcher knows of each target (`Traffic`) at two moments in, a verdict out. Failures are counted since
the watch began; speed is the targets' standing, by the rule of `outliers`: the smaller of two factors, that of a
segment and that of the whole throughput, so that neither a full nor an idle instance is taken for a slow one. What is
bad is said as soon as it is certain, what is good only at the end. The invariant: too little traffic to tell is never
bad, and never makes a roll wait for ever.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from harken.dispatch.targets.outliers import FAILING, FAILURES, VOLUME, Standing
from harken.dispatch.targets.traffic import Traffic


class Call(Enum):
    """What follows."""

    KEEP_WATCHING = auto()
    GOOD = auto()
    BAD = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficLimits:
    """How a watch judges.

    Attributes:
        segments: of the new instance, from which there is enough to tell.
        patience: where there are fewer, it is watched for so many times `watch_s` at most.
        failing: so much larger a share of failed segments than the old ones have is too much, if it is also more than
            twice theirs.
        failures: failed segments below which it is chance.
        slowdown: so many times slower than the median of the old ones is too slow. Two of them do the work of one then;
            who means to roll out a larger model says so.
    """

    segments: int = 20
    patience: float = 4.0
    failing: float = FAILING
    failures: float = FAILURES
    slowdown: float = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficVerdict:
    """What a watch says now.

    Attributes:
        call: what follows.
        reason: one line, for good and bad alike; "" while it goes on.
        segments: of the new instances, since the watch began.
        failed: of these.
        slowdown: how many times slower they are; None where too little is known.
    """

    call: Call
    reason: str = ""
    segments: int = 0
    failed: int = 0
    slowdown: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ends:
    """How segments ended since the watch began."""

    segments: int
    failed: int

    @property
    def share(self) -> float:
        return self.failed / self.segments if self.segments else 0.0


def watch(
    before: Sequence[Traffic],
    now: Sequence[Traffic],
    *,
    new: Collection[str],
    elapsed_s: float,
    watch_s: float,
    limits: TrafficLimits | None = None,
) -> TrafficVerdict:
    """Judge the new instances.

    Args:
        before: all targets when the watch began.
        now: all targets now. Where none of the old model is left, those of `before` stand for it.
        new: names of the new ones.
        elapsed_s: seconds since the watch began.
        watch_s: how long it is to last, where there is enough traffic.
        limits: None for the defaults.
    """
    limits = limits or TrafficLimits()
    ours = _ends(before, now, new, is_new=True)
    theirs = _ends(before, now, new, is_new=False)
    slowdown = _slowdown(before, now, new)
    is_over = elapsed_s >= watch_s

    def say(call: Call, reason: str = "") -> TrafficVerdict:
        return TrafficVerdict(call=call, reason=reason, segments=ours.segments, failed=ours.failed, slowdown=slowdown)

    if _is_failing(ours, theirs, limits, is_over=is_over):
        others = f", and {theirs.share:.0%} of the others'" if theirs.segments else ""
        return say(Call.BAD, f"{ours.failed} of its {ours.segments} segments failed{others}.")
    if slowdown is not None and ours.segments >= limits.segments and slowdown > limits.slowdown:
        return say(Call.BAD, f"It is {slowdown:.1f} times slower than the old model.")
    if not is_over:
        return say(Call.KEEP_WATCHING)
    if ours.segments >= limits.segments:
        pace = "" if slowdown is None else f", {slowdown:.1f} times the old one's time"
        return say(Call.GOOD, f"{ours.segments} segments, {ours.failed} failed{pace}.")
    # Where nobody sends anything, waiting would bring nothing more.
    if elapsed_s < limits.patience * watch_s and theirs.segments >= limits.segments:
        return say(Call.KEEP_WATCHING)
    return say(Call.GOOD, f"Too little traffic to tell: {ours.segments} segments, {ours.failed} failed.")


def _ends(before: Sequence[Traffic], now: Sequence[Traffic], new: Collection[str], *, is_new: bool) -> _Ends:
    began = {line.name: line for line in before}
    segments = failed = 0
    for line in now:
        if (line.name in new) is not is_new:
            continue
        then = began.get(line.name)
        # One that was added again under its name counts from 0: so much at least happened since.
        is_same = then is not None and then.successes <= line.successes and then.failures <= line.failures
        successes, failures = (then.successes, then.failures) if then is not None and is_same else (0, 0)
        segments += line.successes - successes + line.failures - failures
        failed += line.failures - failures
    return _Ends(segments=segments, failed=failed)


def _is_failing(ours: _Ends, theirs: _Ends, limits: TrafficLimits, *, is_over: bool) -> bool:
    is_worse = ours.share >= theirs.share + limits.failing and ours.share > 2 * theirs.share
    # At the end a few failures are no chance any more where little else went well.
    return is_worse and (ours.failed >= limits.failures or (is_over and 2 * ours.failed > ours.segments))


def _slowdown(before: Sequence[Traffic], now: Sequence[Traffic], new: Collection[str]) -> float | None:
    ours = _known([line for line in now if line.name in new])
    theirs = _known([line for line in now if line.name not in new]) or _known(
        [line for line in before if line.name not in new]
    )
    if not ours or not theirs:
        return None
    speeds = [statistics.median(one.speed for one in those) for those in (theirs, ours)]
    throughputs = [statistics.median(one.throughput for one in those) for those in (theirs, ours)]
    return min(speeds[0] / speeds[1], throughputs[0] / throughputs[1])


def _known(lines: Sequence[Traffic]) -> list[Standing]:
    known = (line.standing for line in lines)
    return [one for one in known if one.volume >= VOLUME and one.speed > 0 and one.throughput > 0]
