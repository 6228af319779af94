"""Whole days: the autoscaler's waits, cost and calm, beside its rivals'."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.autoscaling_days import HOUR_S, draw, huge_file, night, office, ramp, spike, square
from harken.bench.workload import Arrival
from harken.config import AutoscaleConfig, LimitsConfig
from harken.fleet.autoscaler import Autoscaler
from harken.fleet.day_score import Row
from harken.fleet.rival_days import run_all
from harken.fleet.rivals import Always
from harken.fleet.scaling_day import Day, run_day
from harken.fleet.virtual_fleet import Kind

KIND = Kind(pace=10.0, slots=8, start_s=20.0)
"""An instance on a CPU's scale, so that a day is some ten thousand recordings and a test some seconds."""


def decided(day: Day) -> Row:
    """The autoscaler's day alone."""
    return run_day(day, "autoscaler", Autoscaler(day.config))


def clip(at_s: float) -> Arrival:
    """Ten seconds of speech: eight of them at once are 8 s of work for an instance of this kind."""
    return Arrival(at_s=at_s, audio_s=10.0)


# --- the simulation itself ----------------------------------------------------------------------------------------


def test_a_wait_is_the_time_until_a_slot_is_free() -> None:
    """Of three clips at once on one slot, each takes 1 s."""
    day = Day(arrivals=(clip(0.0), clip(0.0), clip(0.0)), kind=Kind(pace=10.0, slots=1))
    row = run_day(dataclasses.replace(day, first=1), "one", Always(1))
    assert (row.recordings, row.wait_p50_s, row.wait_max_s) == (3, 1.0, 2.0)


def test_a_recording_is_cut_and_no_more_of_it_waits_than_is_allowed() -> None:
    """Ten hours never make the queue look longer than a few minutes of it."""
    day = Day(arrivals=huge_file(), kind=KIND, limits=LimitsConfig(segments_in_flight=16, queue_audio_s=300.0))
    row = run_day(dataclasses.replace(day, first=1), "one", Always(1))
    assert (row.recordings, row.refused, row.timed_out) == (1, 0, 0)
    assert row.instance_hours == pytest.approx(60.0 / 3600.0 + 36_000.0 / 10.0 / 3600.0, abs=0.01)


def test_every_recording_is_done_refused_or_timed_out() -> None:
    """As in the gateway: a full queue takes no more, and nobody waits for ever."""
    arrivals = tuple(clip(number / 10.0) for number in range(1000))
    limits = LimitsConfig(queue_audio_s=1000.0, queue_timeout_s=60.0)
    row = run_day(Day(arrivals=arrivals, kind=KIND, limits=limits, first=1), "one", Always(1))
    assert row.recordings + row.refused == 1000
    assert row.refused > 0 and row.timed_out > 0
    assert row.wait_max_s is not None and 60.0 < row.wait_max_s <= 65.0 + 8.0


def test_the_same_day_gives_the_same_figures() -> None:
    """To the last digit; there is no chance but in the drawing, which has a seed."""
    arrivals = draw(spike, lasts_s=1.5 * HOUR_S, pace=KIND.pace, seed=3)
    assert arrivals == draw(spike, lasts_s=1.5 * HOUR_S, pace=KIND.pace, seed=3)
    day = Day(arrivals=arrivals, kind=KIND)
    assert decided(day) == decided(day)


# --- invented days ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_an_office_day_costs_half_of_always_most_and_waits_less_than_by_the_guides_rule(seed: int) -> None:
    """Two peaks of five instances' work and a night; no recording is refused."""
    arrivals = draw(office, lasts_s=24 * HOUR_S, pace=KIND.pace, seed=seed)
    own, most, least, guide = run_all(Day(arrivals=arrivals, kind=KIND))
    assert own.refused == own.timed_out == most.refused == 0
    assert own.instance_hours < 0.5 * most.instance_hours
    assert _p(own, 99) < 10.0 < _p(guide, 95)
    assert least.refused + least.timed_out > 100
    assert own.last == 2 and own.turns <= 14 and own.changes <= 40
    assert guide.changes > 5 * own.changes


@pytest.mark.slow
def test_a_quiet_night_keeps_the_fewest() -> None:
    """And nobody waits."""
    row = decided(Day(arrivals=draw(night, lasts_s=8 * HOUR_S, pace=KIND.pace), kind=KIND))
    assert (row.most, row.changes) == (2, 0)
    assert _p(row, 99) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_spike_of_ten_times_is_met_and_not_paid_for_ever(seed: int) -> None:
    """Nothing is refused, the longest wait is a start and what it takes to see the need of it."""
    arrivals = draw(spike, lasts_s=3 * HOUR_S, pace=KIND.pace, seed=seed)
    own, most, _, guide = run_all(Day(arrivals=arrivals, kind=KIND))
    assert own.refused == own.timed_out == 0
    assert own.wait_max_s is not None and own.wait_max_s < 60.0
    assert guide.wait_max_s is not None and guide.wait_max_s > 2 * own.wait_max_s
    assert own.most == 8 and own.last == 2
    assert own.instance_hours < 0.6 * most.instance_hours
    full = [entry.at_s for entry in own.entries if entry.wanted == 8]
    assert full and min(full) - HOUR_S < 150.0


@pytest.mark.slow
def test_a_slow_ramp_is_followed_before_anybody_waits_for_long() -> None:
    """One more at a time, because the slots fill before the queue does; and back."""
    own, most, _, guide = run_all(Day(arrivals=draw(ramp, lasts_s=6 * HOUR_S, pace=KIND.pace), kind=KIND))
    assert own.refused == 0 and own.last == 2
    assert _p(own, 95) <= _p(most, 95) + 5.0 < _p(guide, 95)
    assert own.instance_hours < 0.85 * most.instance_hours
    assert own.turns <= 8


@pytest.mark.slow
@pytest.mark.parametrize("period_s", [20.0, 60.0, 320.0, 620.0, 660.0, 1300.0])
def test_a_load_that_comes_and_goes_at_the_worst_period_does_not_make_it_flap(period_s: float) -> None:
    """620 s is what just lets the removal happen before the load is back; it happens a few times, and no more."""
    arrivals = draw(square(period_s), lasts_s=6 * HOUR_S, pace=KIND.pace)
    row = decided(Day(arrivals=arrivals, kind=KIND))
    assert row.changes <= 24 and row.turns <= 12
    assert row.refused == row.timed_out == 0


def test_one_huge_file_does_not_make_the_fleet_larger_than_it_can_use() -> None:
    """No more than eight of its pieces run at once, and two instances have slots for sixteen."""
    row = decided(Day(arrivals=huge_file(), kind=KIND))
    assert (row.most, row.timed_out) == (2, 0)


ASLEEP = AutoscaleConfig(min=0)


def test_one_request_after_hours_of_nothing_waits_for_one_start_and_no_more() -> None:
    """The fleet wakes at once and not at the next look, and goes to sleep again."""
    row = decided(Day(arrivals=(clip(4 * HOUR_S + 1.3),), kind=KIND, config=ASLEEP))
    assert row.wait_max_s == pytest.approx(KIND.start_s)
    assert (row.most, row.last, row.changes) == (1, 0, 2)
    assert row.instance_hours < 0.3


@pytest.mark.slow
def test_a_sleeping_fleet_meets_a_morning() -> None:
    """From nothing to the peak and back to nothing, and nobody is refused."""
    arrivals = tuple(each for each in draw(office, lasts_s=24 * HOUR_S, pace=KIND.pace) if each.at_s > 7 * HOUR_S)
    row = decided(Day(arrivals=arrivals, kind=KIND, config=ASLEEP))
    assert row.refused == row.timed_out == 0
    assert row.wait_max_s is not None and row.wait_max_s < 60.0


def test_a_day_without_anything_costs_the_fewest() -> None:
    """It lasts for half an hour."""
    row = decided(Day(arrivals=(), kind=KIND))
    assert row.instance_hours == pytest.approx(1.0)
    assert (row.recordings, row.wait_p50_s, row.changes) == (0, None, 0)


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.25, 4.0])
def test_a_pace_that_was_measured_wrong_costs_something_and_breaks_nothing(error: float) -> None:
    """By four times, either way: the spike is met, the waits stay bounded, the fleet calm."""
    day = Day(arrivals=draw(spike, lasts_s=3 * HOUR_S, pace=KIND.pace), kind=KIND)
    row, right = decided(dataclasses.replace(day, pace_error=error)), decided(day)
    assert row != right
    assert row.refused == row.timed_out == 0
    assert row.wait_max_s is not None and row.wait_max_s < 60.0
    assert row.turns <= right.turns + 2 and row.last == 2
    assert row.instance_hours < 1.4 * right.instance_hours


@pytest.mark.slow
def test_a_start_that_takes_two_minutes_means_longer_waits_and_no_flapping() -> None:
    """The spike is over before the second set of instances would be there."""
    arrivals = draw(spike, lasts_s=3 * HOUR_S, pace=KIND.pace)
    row = decided(Day(arrivals=arrivals, kind=dataclasses.replace(KIND, start_s=120.0)))
    assert row.turns <= 6 and row.last == 2
    assert row.wait_max_s is not None and row.wait_max_s < 240.0


def _p(row: Row, share: int) -> float:
    found = {50: row.wait_p50_s, 95: row.wait_p95_s, 99: row.wait_p99_s}[share]
    assert found is not None
    return found
