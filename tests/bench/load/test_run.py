"""A load test as one value."""

from __future__ import annotations

import dataclasses

from harken.bench.load.run import CURVE, SAMPLE_MOST
from tests.bench.load.making import a_run, a_step, an_outcome


def test_the_figures_of_a_sweep_are_those_of_its_knee() -> None:
    """Without one, of the last step."""
    steps = [a_step([an_outcome(1.0, due_s=0.0) for _ in range(count)], level=count) for count in (1, 2, 2, 2)]
    run = a_run(steps, is_sweep=True)
    assert (run.knee, run.main.level) == (1, 2)
    failing = a_run([a_step([an_outcome(code="x")])], is_sweep=True)
    assert (failing.knee, failing.main) == (None, failing.steps[-1])
    assert a_run(steps).main is steps[-1]


def test_a_step_that_was_cut_off_is_never_the_knee() -> None:
    """A moment of it may look better than all before."""
    whole, cut = a_step([an_outcome(1.0)], level=1), a_step([an_outcome(0.1)], level=2)
    run = a_run([whole, dataclasses.replace(cut, is_whole=False)], is_sweep=True)
    assert (run.knee, run.main) == (0, whole)
    assert [verdict.value for verdict in run.verdicts] == ["holds", "cut off"]


def test_parts_are_told_apart() -> None:
    """Classes from short to long; an instance by the answers that are its alone, and those of several by themselves."""
    outcomes = [
        an_outcome(kind="10 s", audio_s=10.0, instance="asr-1"),
        an_outcome(kind="2 s", audio_s=2.0, instance="asr-2"),
        an_outcome(kind="10 s", audio_s=10.0, instance="asr-1,asr-2"),
        an_outcome(kind="10 s", audio_s=10.0, code="x"),
    ]
    step = a_step(outcomes)
    assert step.kinds() == ["2 s", "10 s"]
    assert {name: part.requests for name, part in step.by_instance().items()} == {"asr-1": 1, "asr-2": 1, "several": 1}
    assert {name: part.successes for name, part in step.by("kind").items()} == {"10 s": 2, "2 s": 1}


def test_any_number_of_classes_has_figures() -> None:
    """Somebody may want a hundred lengths."""
    step = a_step([an_outcome(kind=f"{seconds} s", audio_s=seconds) for seconds in range(1, 101)])
    assert set(step.by("kind")) == set(step.kinds())


def test_a_curve_ends_at_the_longest_and_samples_are_in_the_order_of_sending() -> None:
    """Evenly thinned where there are many."""
    outcomes = [an_outcome(took_s=number / 1000, due_s=1000.0 - number) for number in range(1, 12_001)]
    step = a_step(outcomes)
    curve, samples = step.curves()["short"], step.samples()["short"]
    assert len(curve) == len(CURVE) and curve == sorted(curve) and curve[-1] == 12.0
    assert len(samples) == SAMPLE_MOST and samples[0] == 12.0 and samples[-1] == 0.001
    assert samples == sorted(samples, reverse=True)


def test_a_run_without_a_single_answer_has_figures() -> None:
    """Cut off at once."""
    step = a_run([a_step([])]).main
    assert (step.figures.requests, step.kinds(), step.curves(), step.samples()) == (0, [], {}, {})
