"""When a short clip that takes unusually long gets a second try elsewhere, while the first goes on.

Pure (hedged requests: Dean & Barroso, "The tail at scale", 2013). One instance that is slow for a moment must not make
its clips slow; that a clip takes longer than 95 of 100 like it can be told. A second try is worth it only where
somebody waits for a short answer of which nothing was said; in an idle slot, which the desk leaves only where nobody
who waits may have it; and within a share of what succeeds, so that a fleet in which everything takes long does not
double its load. Half of that share is kept for clips that take twice as long, for those that are only a little late
would use it up. From an instance that has missed a look it is a replay, made early, and free, since it is bounded by
that instance's slots. Invariant: who has heard a word gets no second try.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from harken.dispatch.recovery.quantile import ServiceTimes
from harken.types import Priority, Segment

SHORT_S = 30.0
"""A recording up to this length is a clip, in seconds; longer ones wait for their slowest part anyway."""


FAR = 2.0
"""Who takes so many times as long as is late already is probably stuck."""

KEPT = 0.5
"""The part of the budget that is kept for those."""


class Hedge(Enum):
    """Whether there may be a second try now."""

    NO = auto()
    PAID = auto()
    """If the budget has one left."""
    FREE = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class HedgeRule:
    """What counts as unusually long.

    Attributes:
        quantile: of the recent service times of segments of about this length.
        floor_s: never sooner than this; below it, a second try costs more than it wins.
    """

    quantile: float = 0.95
    floor_s: float = 0.2

    def after_s(self, segment: Segment, times: ServiceTimes) -> float | None:
        """Seconds after its sending at which a segment is late; None where it never gets a second try."""
        if segment.requester.priority is Priority.BATCH or segment.index > 0:
            return None
        if max(segment.audio_s, segment.recording_s) > SHORT_S:
            return None
        usual_s = times.quantile(segment.audio_s, self.quantile)
        return None if usual_s is None else max(usual_s, self.floor_s)


def may_hedge(*, is_told: bool, is_doubtful: bool) -> Hedge:
    """Decide about one segment that is late.

    Args:
        is_told: some of its text has reached the client; a second try would say it twice.
        is_doubtful: its target has missed a look, or is set aside.
    """
    if is_told:
        return Hedge.NO
    return Hedge.FREE if is_doubtful else Hedge.PAID
