"""A run over time."""

from __future__ import annotations

import pytest

from harken.bench.load.outcomes import columns_of
from harken.bench.load.timeline import STEPS_MOST, timeline_of
from tests.bench.load.making import an_outcome


def test_a_request_is_in_the_step_in_which_its_answer_came() -> None:
    """Failures beside it, quantiles of successes."""
    outcomes = [an_outcome(0.5, due_s=0.22), an_outcome(2.05, due_s=0.0), an_outcome(0.1, due_s=1.85, code="x")]
    found = timeline_of(columns_of(outcomes), 3.0)
    assert found.step_s == pytest.approx(0.1)
    assert [place for place, count in enumerate(found.successes) if count] == [7, 20]
    assert [place for place, count in enumerate(found.failures) if count] == [19]
    assert sum(found.audio_s) == 4.0
    assert found.p50_s[19] is None and found.p95_s[7] == pytest.approx(0.5)


def test_every_request_is_in_one_step_however_long_the_run_was() -> None:
    """Also one that ended at its very end, or without any time at all."""
    outcomes = [an_outcome(1.0, due_s=float(second)) for second in range(10_000)]
    found = timeline_of(columns_of(outcomes), 10_000.0)
    assert sum(found.successes) == 10_000 and len(found.successes) <= STEPS_MOST
    assert sum(timeline_of(columns_of([an_outcome(0.0)]), 0.0).successes) == 1
    assert timeline_of(columns_of([]), 0.0).successes == (0,)
