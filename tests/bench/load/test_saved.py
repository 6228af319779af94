"""A load test as JSON."""

from __future__ import annotations

import json

from harken.bench.load.saved import as_dict
from harken.bench.load.texts import errors_of
from tests.bench.load.making import a_run, a_step, an_outcome


def test_figures_are_at_the_top_and_those_of_parts_have_the_same_names() -> None:
    """Classes, servers, instances, steps."""
    outcomes = [an_outcome(instance="asr-1", first_text_s=0.05, errors=errors_of("one two", "one")), an_outcome()]
    found = as_dict(a_run([a_step(outcomes)], is_sweep=True))
    assert (found["object"], found["requests"], found["p50_s"], found["word_error_rate"]) == (
        "harken.bench",
        2,
        0.1,
        0.5,
    )
    parts = [*found["classes"], *found["servers"], *found["by_instance"], *found["sweep"]["steps"]]
    assert len(parts) == 4
    assert all({"requests", "p99_s", "goodput_per_s", "errors"} <= part.keys() for part in parts)
    assert found["first_text_p95_s"] == 0.05
    assert (found["sweep"]["knee"], found["sweep"]["rule"]["growth"]) == (1.0, 0.05)


def test_it_is_strict_json_also_without_any_answer() -> None:
    """No NaN, no infinity."""
    for steps in ([a_step([])], [a_step([an_outcome(code="x")])]):
        found = as_dict(a_run(steps))
        written = json.dumps(found, allow_nan=False)
        assert json.dumps(json.loads(written)) == written
        assert found["servers"][0]["server"] == "http://a" and found["sweep"] is None
