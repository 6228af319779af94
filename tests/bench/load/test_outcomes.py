"""From outcomes to figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.outcomes import Outcome, figures_of, quantile


def _outcome(took_s: float, **more: object) -> Outcome:
    return Outcome(server="http://a", took_s=took_s, audio_s=2.0, **more)  # type: ignore[arg-type]


def test_the_guides_figures_and_more() -> None:
    """Total, successes, success rate, mean; quantiles, speed, errors, instances."""
    outcomes = [
        _outcome(0.1, instances=("asr-1",), is_right=True),
        _outcome(0.3, instances=("asr-1", "asr-2"), is_right=False, is_cached=True),
        _outcome(99.0, code="queue_full"),
        _outcome(0.2, late_s=0.05),
    ]
    figures = figures_of(outcomes, 2.0)
    assert (figures.requests, figures.successes, figures.success_rate) == (4, 3, 0.75)
    assert figures.mean_s == pytest.approx(0.2)
    assert (figures.quantiles["p50_s"], figures.quantiles["p99_s"], figures.max_s) == (0.2, 0.3, 0.3)
    assert (figures.audio_s, figures.rtfx, figures.requests_per_s) == (6.0, 3.0, 1.5)
    assert (figures.right, figures.wrong, figures.cached, figures.late_s) == (1, 1, 1, 0.05)
    assert (figures.errors, figures.instances) == ({"queue_full": 1}, {"asr-1": 2, "asr-2": 1})


@pytest.mark.parametrize("outcomes", [[], [_outcome(1.0, code="draining")]])
def test_without_a_success_there_is_no_time(outcomes: list[Outcome]) -> None:
    """A server that refuses quickly is not fast."""
    figures = figures_of(outcomes, 0.0)
    assert (figures.mean_s, figures.max_s, figures.quantiles, figures.success_rate, figures.rtfx) == (
        None,
        None,
        {},
        0,
        0,
    )
    assert (figures.right, figures.wrong) == (None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_times_and_so_many_do_not_exceed_it(times: list[float], part: float) -> None:
    """The definition."""
    times.sort()
    found = quantile(times, part)
    assert found in times
    assert sum(time <= found for time in times) >= part * len(times) - 1e-6
