"""The arrivals of the dispatcher's benchmark."""

from __future__ import annotations

import itertools
import statistics

import pytest

from benchmarks.dispatch.trace import SHARES, Kind, make_trace, mean_audio_s, requests_for


def test_the_same_seed_gives_the_same_requests_at_every_load() -> None:
    """Loads differ in the time between arrivals and in nothing else."""
    slow, fast = (make_trace(200, audio_s_per_s=rate, seed=1) for rate in (100.0, 200.0))
    assert [(one.number, one.audio_s, one.kind) for one in slow.arrivals] == [
        (one.number, one.audio_s, one.kind) for one in fast.arrivals
    ]
    assert [one.at_s for one in slow.arrivals] == pytest.approx([2 * one.at_s for one in fast.arrivals])


def test_the_arrivals_bring_exactly_the_load() -> None:
    """All audio, divided by the time that the arrivals fill, is the rate that was asked for."""
    trace = make_trace(500, audio_s_per_s=123.0, seed=2)
    assert trace.audio_s / trace.seconds == pytest.approx(123.0)
    assert 0 < trace.arrivals[0].at_s < trace.arrivals[-1].at_s < trace.seconds


def test_the_kinds_have_their_shares_and_their_lengths() -> None:
    """85 % clips below 30 s, 12 % of 0.5 to 3 minutes, 3 % of 10 to 20 minutes."""
    trace = make_trace(1000, audio_s_per_s=100.0, seed=3)
    bounds = {Kind.SHORT: (1, 30), Kind.MEDIUM: (30, 180), Kind.LONG: (600, 1200)}
    for kind, share in SHARES.items():
        lengths = [one.audio_s for one in trace.arrivals if one.kind is kind]
        assert len(lengths) == round(1000 * share)
        assert bounds[kind][0] <= min(lengths) <= max(lengths) <= bounds[kind][1]
    clips = [one.audio_s for one in trace.arrivals if one.kind is Kind.SHORT]
    assert statistics.mean(clips) == pytest.approx(6.0, rel=0.1)


def test_the_gaps_are_those_of_a_poisson_process() -> None:
    """Exponential gaps: their standard deviation is their mean."""
    trace = make_trace(4000, audio_s_per_s=100.0, seed=4)
    gaps = [after.at_s - before.at_s for before, after in itertools.pairwise(trace.arrivals)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_as_many_requests_as_fill_the_time() -> None:
    """The number of requests for a time is the rate times the time over the mean length."""
    assert requests_for(100.0, 10 * mean_audio_s()) == 1000
