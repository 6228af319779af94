"""Who gets a second try, after how long, and at whose cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harken.dispatch.recovery.hedge import Hedge, HedgeRule, may_hedge
from harken.dispatch.recovery.quantile import ServiceTimes
from harken.types import Priority, Requester, Segment
from tests.dispatch.instances import make_segment


def times_of(*took_s: float, audio_s: float = 6.0) -> ServiceTimes:
    """Enough of them to tell something."""
    times = ServiceTimes(volume=len(took_s))
    for each in took_s:
        times.add(audio_s, each)
    return times


HUNDRED = times_of(*(n / 10 for n in range(1, 101)))
CLIP = make_segment(seconds=6.0)


def test_it_is_late_when_95_of_100_like_it_were_sooner() -> None:
    """The 95th of a hundred."""
    assert HedgeRule().after_s(CLIP, HUNDRED) == 9.5


def test_it_is_never_late_within_the_floor() -> None:
    """Where everything is quick, nothing is worth a second try."""
    assert HedgeRule(floor_s=0.2).after_s(CLIP, times_of(0.01, 0.02)) == 0.2


def test_nobody_is_late_before_enough_was_seen() -> None:
    """Then there is no usual."""
    assert HedgeRule().after_s(CLIP, ServiceTimes()) is None


@pytest.mark.parametrize(
    "segment",
    [
        replace(CLIP, requester=Requester(priority=Priority.BATCH)),
        replace(CLIP, index=1),
        replace(CLIP, recording_s=31.0),
    ],
)
def test_only_a_clip_that_somebody_waits_for_gets_one(segment: Segment) -> None:
    """Not a job's, and not a part of something longer."""
    assert HedgeRule().after_s(segment, HUNDRED) is None


def test_live_speech_gets_one() -> None:
    """Somebody reads along."""
    live = replace(CLIP, requester=Requester(priority=Priority.LIVE), recording_s=6.0)
    assert HedgeRule().after_s(live, HUNDRED) == 9.5


@pytest.mark.parametrize(
    ("is_told", "is_doubtful", "verdict"),
    [
        (False, False, Hedge.PAID),
        (False, True, Hedge.FREE),
        (True, False, Hedge.NO),
        (True, True, Hedge.NO),
    ],
)
def test_a_second_try_is_paid_unless_the_first_is_probably_lost(
    *, is_told: bool, is_doubtful: bool, verdict: Hedge
) -> None:
    """And there is none after the first word."""
    assert may_hedge(is_told=is_told, is_doubtful=is_doubtful) is verdict
