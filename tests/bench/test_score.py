"""Counting what an arm achieved."""

from __future__ import annotations

import pytest

from harken.bench.score import Score, quantile
from harken.bench.workload import Arrival


@pytest.mark.parametrize(("part", "value"), [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (0.76, 4.0), (1.0, 4.0)])
def test_a_quantile_is_a_value_that_occurred(part: float, value: float) -> None:
    """The smallest that is not below that part of all (nearest rank)."""
    assert quantile([1.0, 2.0, 3.0, 4.0], part) == value


def test_there_is_no_quantile_of_nothing() -> None:
    """None, not 0."""
    assert quantile([], 0.5) is None


def test_latencies_go_by_length_and_the_warm_up_is_left_out() -> None:
    """Failures always count."""
    score = Score(warm_up_s=10.0)
    for at_s, audio_s, now in [(5.0, 5.0, 50.0), (10.0, 29.9, 12.0), (20.0, 30.0, 25.0), (20.0, 300.0, 60.0)]:
        score.finish(Arrival(at_s=at_s, audio_s=audio_s), now)
    score.fail()
    score.wait(7.0)
    score.wait(3.0)
    row = score.row("arm", simulated_s=60.0, took_s=2.0)
    assert (row.short_p50_s, row.short_p99_s, row.medium_p95_s, row.long_p95_s) == (2.0, 2.0, 5.0, 40.0)
    assert (row.recordings, row.failures, row.queue_max_audio_s) == (5, 1, 7.0)
