"""When a new instance in service is good, when it is bad, and when it is too early to tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.targets.outliers import Record, Standing
from harken.dispatch.targets.traffic import Traffic
from harken.fleet.traffic_watch import Call, TrafficLimits, TrafficVerdict, watch

NEW = frozenset({"new-1"})
UNKNOWN = Record().standing(0.0)


def standing(took_s: float, *, load: float = 1.0, segments: int = 40) -> Standing:
    """Of a target that took so long for each of its segments of 4 s, beside so many others."""
    record = Record()
    for _ in range(segments):
        record.succeeded(now=0.0, audio_s=4.0, took_s=took_s, load=load)
    return record.standing(0.0)


def line(name: str, successes: int = 0, failures: int = 0, known: Standing = UNKNOWN) -> Traffic:
    """One target."""
    return Traffic(name=name, successes=successes, failures=failures, standing=known)


def after(
    *now: Traffic, elapsed_s: float = 30.0, before: tuple[Traffic, ...] = (), limits: TrafficLimits | None = None
) -> TrafficVerdict:
    """What a watch of 30 s says."""
    return watch(before, now, new=NEW, elapsed_s=elapsed_s, watch_s=30.0, limits=limits)


OLD = line("old-1", 100, 0, standing(1.0))


def test_as_good_as_the_old_ones_for_the_whole_time_is_good() -> None:
    """And not before it is over."""
    new = line("new-1", 50, 0, standing(1.1))
    assert after(OLD, new, elapsed_s=29.9).call is Call.KEEP_WATCHING
    verdict = after(OLD, new)
    assert (verdict.call, verdict.segments) == (Call.GOOD, 50)
    assert verdict.reason == "50 segments, 0 failed, 1.1 times the old one's time."


def test_failures_that_are_no_chance_are_bad_at_once() -> None:
    """People sent those segments; four of them are enough."""
    assert after(OLD, line("new-1", 4, 3), elapsed_s=1.0).call is Call.KEEP_WATCHING
    verdict = after(OLD, line("new-1", 4, 4), elapsed_s=1.0)
    assert (verdict.call, verdict.failed) == (Call.BAD, 4)
    assert verdict.reason == "4 of its 8 segments failed, and 0% of the others'."


def test_failures_that_all_have_are_not_the_new_models() -> None:
    """A disk that is full, a client that sends what nobody can take."""
    assert after(line("old-1", 50, 50), line("new-1", 50, 50)).call is Call.GOOD


def test_where_many_fail_it_takes_more_than_twice_as_many() -> None:
    """Thirty and forty-five of a hundred may be chance, and the cause is elsewhere."""
    assert after(line("old-1", 70, 30), line("new-1", 55, 45)).call is Call.GOOD
    assert after(line("old-1", 70, 30), line("new-1", 35, 65)).call is Call.BAD


def test_a_few_failures_among_few_segments_are_bad_at_the_end() -> None:
    """Nothing else speaks for it."""
    assert after(line("new-1", 0, 1), elapsed_s=29.0).call is Call.KEEP_WATCHING
    assert after(line("new-1", 0, 1)).reason == "1 of its 1 segments failed."
    assert after(line("new-1", 2, 1)).call is Call.GOOD


def test_half_the_speed_is_too_slow_as_soon_as_there_is_enough_to_tell() -> None:
    """By the segments' own speed and by throughput."""
    slow = standing(2.5)
    assert after(OLD, line("new-1", 19, 0, slow), elapsed_s=5.0).call is Call.KEEP_WATCHING
    verdict = after(OLD, line("new-1", 20, 0, slow), elapsed_s=5.0)
    assert verdict.call is Call.BAD
    assert verdict.reason == "It is 2.5 times slower than the old model."


@pytest.mark.parametrize("known", [standing(2.5, load=4.0), standing(0.9, load=0.3)])
def test_a_full_instance_is_slow_and_an_idle_one_does_little_and_neither_is_slower(known: Standing) -> None:
    """Only what is slower by both factors is."""
    assert after(OLD, line("new-1", 50, 0, known)).call is Call.GOOD


def test_who_rolls_out_a_larger_model_may_say_that_it_is_slower() -> None:
    """Limits are arguments."""
    slow = line("new-1", 50, 0, standing(3.0))
    assert after(OLD, slow).call is Call.BAD
    assert after(OLD, slow, limits=TrafficLimits(slowdown=4.0)).call is Call.GOOD


def test_too_little_traffic_is_waited_for_while_there_is_any() -> None:
    """The others are busy, so some will come; but not for ever."""
    few = line("new-1", 3, 0)
    assert after(OLD, few, elapsed_s=119.0).call is Call.KEEP_WATCHING
    verdict = after(OLD, few, elapsed_s=120.0)
    assert (verdict.call, verdict.reason) == (Call.GOOD, "Too little traffic to tell: 3 segments, 0 failed.")


def test_where_nobody_sends_anything_the_watch_ends_with_its_time() -> None:
    """Waiting longer would bring nothing more."""
    assert after(line("old-1", 2), line("new-1")).call is Call.GOOD


def test_only_what_happened_since_the_watch_began_counts() -> None:
    """Old failures are no excuse for new ones."""
    before = (line("old-1", 100, 50), line("new-1", 10, 10))
    verdict = after(line("old-1", 200, 50), line("new-1", 40, 10), before=before)
    assert (verdict.segments, verdict.failed) == (30, 0)
    verdict = after(line("old-1", 200, 50), line("new-1", 12, 20), before=before)
    assert verdict.reason == "10 of its 12 segments failed, and 0% of the others'."


def test_an_instance_that_was_started_again_counts_from_nought() -> None:
    """Its counts are lower than before."""
    verdict = after(OLD, line("new-1", 5, 1), before=(line("new-1", 50, 9),))
    assert (verdict.segments, verdict.failed) == (6, 1)


def test_where_the_last_old_one_is_gone_what_it_did_before_stands_for_it() -> None:
    """A roll of one instance that is taken down first."""
    slow = line("new-1", 50, 0, standing(2.5))
    assert after(slow).slowdown is None
    assert after(slow, before=(OLD,)).call is Call.BAD


LINES = st.builds(
    line,
    name=st.sampled_from(["old-1", "old-2", "new-1"]),
    successes=st.integers(0, 100),
    failures=st.integers(0, 100),
    known=st.sampled_from([UNKNOWN, standing(0.1), standing(1.0, load=3.0), standing(30.0), standing(1.0, segments=3)]),
)


@pytest.mark.slow
@given(
    before=st.lists(LINES, max_size=4, unique_by=lambda each: each.name),
    now=st.lists(LINES, max_size=4, unique_by=lambda each: each.name),
    elapsed_s=st.floats(0.0, 1000.0),
)
def test_a_watch_ends(before: list[Traffic], now: list[Traffic], elapsed_s: float) -> None:
    """Whatever was seen; and who did nothing wrong is never bad."""
    verdict = watch(before, now, new=NEW, elapsed_s=elapsed_s, watch_s=30.0)
    assert (verdict.call is Call.KEEP_WATCHING) == (not verdict.reason)
    assert elapsed_s < 120.0 or verdict.call is not Call.KEEP_WATCHING
    spotless = [replace(each, failures=0, standing=UNKNOWN) if each.name in NEW else each for each in now]
    assert watch((), spotless, new=NEW, elapsed_s=elapsed_s, watch_s=30.0).call is not Call.BAD
