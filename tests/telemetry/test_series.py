"""Rules of harken.telemetry.series."""

from __future__ import annotations

from harken.events import CANCELLED
from harken.telemetry.series import STEP_S, STEPS, Series
from tests.telemetry.facts import ended


def test_what_ended_is_counted_in_its_step() -> None:
    """Steps in which nothing happened are there too."""
    series = Series(0.0)
    series.ended(ended(at=1.0, took_s=1.0))
    series.ended(ended(at=11.0, took_s=2.0, outcome="engine_failed", status=500))
    steps = series.steps(14.0)
    assert [(step.requests, step.failed) for step in steps] == [(1, 0), (0, 0), (1, 1)]
    assert [step.times.quantile(0.5) for step in steps] == [1.0, None, None]


def test_a_clients_mistake_and_a_client_that_left_are_none_of_ours() -> None:
    """They say nothing of how well we serve."""
    series = Series(0.0)
    series.ended(ended(outcome="undecodable_audio", status=400))
    series.ended(ended(outcome=CANCELLED, status=0))
    assert series.window(2.0).requests == 0


def test_a_minute_is_the_last_minute() -> None:
    """What is older is in the steps, not in "now"."""
    series = Series(0.0)
    series.ended(ended(at=0.0, took_s=9.0))
    series.ended(ended(at=100.0, took_s=1.0, first_text_s=0.25))
    series.heard(30.0, 100.0)
    window = series.window(101.0)
    assert (window.requests, window.audio_s, window.first_texts.quantile(0.5)) == (1, 30.0, 0.25)
    assert 55.0 < window.window_s <= 60.0


def test_a_young_server_has_a_short_minute() -> None:
    """So that its rates are not too small."""
    series = Series(1000.0)
    series.ended(ended(at=1001.0, took_s=1.0))
    assert series.window(1004.0).window_s == 4.0


def test_nothing_grows_however_long_nobody_asks() -> None:
    """A week of silence is a quarter of an hour of steps."""
    series = Series(0.0)
    series.waits(5.0, 604_800.0)
    steps = series.steps(604_800.0)
    assert len(steps) == STEPS
    assert steps[-1].queued_audio_s == 5.0
    assert steps[-1].number - steps[0].number == STEPS - 1


def test_a_time_before_the_newest_step_counts_in_that() -> None:
    """Clocks are read in one order and used in another."""
    series = Series(0.0)
    series.waits(1.0, 3 * STEP_S)
    series.waits(7.0, 2 * STEP_S)
    assert [step.queued_audio_s for step in series.steps(3 * STEP_S)] == [0.0, 0.0, 0.0, 7.0]
