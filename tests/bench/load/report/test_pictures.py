"""The pictures of a report."""

from __future__ import annotations

from harken.bench.load.report.pictures import over_time, seconds, sweep, times_by_class
from harken.bench.load.target import Target
from tests.bench.load.making import a_run, a_step, an_outcome


def test_without_values_there_is_no_picture() -> None:
    """Nothing sent, nothing answered, no sweep."""
    nothing = a_step([])
    assert (times_by_class(nothing), over_time(nothing.timeline), sweep(a_run([nothing]))) == ("", "", "")
    assert times_by_class(a_step([an_outcome(code="x")])) == ""
    assert sweep(a_run([nothing], is_sweep=True)) == ""


def test_every_class_has_a_line_and_the_target_one_too() -> None:
    """Unless the target is another for each recording."""
    outcomes = [an_outcome(0.1 + 0.01 * number, kind=kind) for number in range(50) for kind in ("a", "b")]
    shown = times_by_class(a_step(outcomes, target=Target(seconds=0.3)))
    assert shown.count('class="line s') == 4 and "target" in shown  # two lines, and two in the legend
    assert "target" not in times_by_class(a_step(outcomes, target=Target(share=0.3)))


def test_failures_are_shown_beside_answers() -> None:
    """Also where there is nothing else."""
    only = over_time(a_step([an_outcome(1.0, code="x")]).timeline)
    assert "fill bad" in only and "fill s0" not in only


def test_a_sweep_marks_its_knee() -> None:
    """In both pictures; none where no step holds."""
    steps = [a_step([an_outcome(1.0)] * count, level=count) for count in (1, 2, 2, 2)]
    assert sweep(a_run(steps, is_sweep=True)).count(">knee<") == 2
    failing = [a_step([an_outcome(1.0, code="x")], level=level) for level in (1, 2)]
    assert ">knee<" not in sweep(a_run(failing, is_sweep=True))


def test_short_times_are_in_milliseconds() -> None:
    """As people say them."""
    assert [seconds(value) for value in (0.02, 0.2, 5.0)] == ["20 ms", "0.2 s", "5 s"]
