"""From requests to figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.figures import figures_of, quantile
from harken.bench.load.outcomes import Outcome, columns_of
from harken.bench.load.target import Target
from harken.bench.load.texts import errors_of
from tests.bench.load.making import an_outcome


def test_the_guides_figures_and_more() -> None:
    """Total, successes, success rate, mean; quantiles, speed, goodput, errors, instances."""
    outcomes = [
        an_outcome(0.1, instance="asr-1", is_right=True, first_text_s=0.05),
        an_outcome(0.3, instance="asr-1,asr-2", is_right=False, is_cached=True),
        an_outcome(99.0, code="queue_full", status=503),
        an_outcome(0.2, late_s=0.05),
    ]
    figures = figures_of(columns_of(outcomes), 2.0, Target(seconds=0.25))
    assert (figures.requests, figures.successes, figures.success_rate, figures.refused) == (4, 3, 0.75, 1)
    assert figures.mean_s == pytest.approx(0.2)
    assert (figures.quantiles["p50_s"], figures.quantiles["p99_s"], figures.max_s) == pytest.approx((0.2, 0.3, 0.3))
    assert (figures.audio_s, figures.rtfx, figures.requests_per_s) == (6.0, 3.0, 1.5)
    assert (figures.within, figures.goodput_per_s, figures.goodput_rtfx) == (0.5, 1.0, 2.0)
    assert (figures.right, figures.wrong, figures.cached) == (1, 1, 1)
    assert figures.late_s == pytest.approx(0.05)
    assert figures.first_text["p95_s"] == pytest.approx(0.05)
    assert (figures.errors, figures.instances) == ({"queue_full": 1}, {"asr-1": 1, "several": 1})


@pytest.mark.parametrize("outcomes", [[], [an_outcome(1.0, code="draining")]])
def test_without_a_success_there_is_no_time(outcomes: list[Outcome]) -> None:
    """A server that refuses quickly is not fast."""
    figures = figures_of(columns_of(outcomes), 0.0, Target(seconds=1.0))
    assert (figures.mean_s, figures.max_s, figures.quantiles, figures.first_text) == (None, None, {}, {})
    assert (figures.success_rate, figures.rtfx, figures.within, figures.goodput_per_s) == (0, 0, 0, 0)
    assert (figures.right, figures.wrong, figures.rates) == (None, None, None)


def test_error_rates_are_of_all_words_together() -> None:
    """A long recording counts for what it is; failures and unknown texts for nothing."""
    outcomes = [
        an_outcome(errors=errors_of("a b c d e f g h i", "a b c d e f g h x")),
        an_outcome(errors=errors_of("z", "")),
        an_outcome(errors=None),
        an_outcome(code="queue_full", errors=errors_of("a", "b")),
    ]
    rates = figures_of(columns_of(outcomes), 1.0, Target()).rates
    assert rates is not None
    assert (rates.words, rates.substitutions, rates.deletions) == (10, 1, 1)
    assert (rates.word_error_rate, rates.char_error_rate) == (0.2, 0.2)


def test_where_nothing_is_said_there_is_no_rate_but_there_are_errors() -> None:
    """Words over no words are none."""
    rates = figures_of(columns_of([an_outcome(errors=errors_of("", "thank you"))]), 1.0, Target()).rates
    assert rates is not None and (rates.word_error_rate, rates.char_error_rate, rates.insertions) == (None, None, 2)


@pytest.mark.parametrize(
    ("text", "said", "share", "is_above"),
    [
        ("a b c d", "a b c x", 0.25, False),
        ("a b c d", "a b c x", 0.249, True),
        ("", "a", 9.0, True),
        ("", "", 0.0, False),
    ],
)
def test_a_limit_of_wrong_words_holds_also_where_nothing_is_said(
    text: str, said: str, share: float, is_above: bool
) -> None:
    """Exactly as many as are allowed are not too many."""
    rates = figures_of(columns_of([an_outcome(errors=errors_of(text, said))]), 1.0, Target()).rates
    assert rates is not None and rates.is_above(share) is is_above


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_times_and_so_many_do_not_exceed_it(times: list[float], part: float) -> None:
    """The definition."""
    times.sort()
    found = quantile(np.array(times), part)
    assert found in times
    assert sum(time <= found for time in times) >= part * len(times) - 1e-6
