"""From rows to tables: what is compared with what, and what is left empty."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.engine.arithmetic import Clip, limit_rtfx
from benchmarks.engine.goals import GOALS, Goal, found_in, goals_of
from benchmarks.engine.limit import Row, machine_of
from benchmarks.engine.report import as_markdown, best_rival, combine
from tests.benchmarks.engine.test_arithmetic import config_of

LIMITS: list[dict[str, Any]] = [
    {"what": "read, sum of 1 GiB", "kind": "float32", "per_s": 10e9},
    {"what": "read, packed weights times one row", "kind": "bfloat16", "per_s": 20e9},
    {"what": "product, torch, 2048³", "kind": "float32", "per_s": 200e9},
    {"what": "product, torch, 2048³", "kind": "bfloat16", "per_s": 100e9},
    {"what": "product, packed, 64 rows", "kind": "int8", "per_s": 300e9},
    {"what": "product, packed, 256 rows", "kind": "int8", "per_s": 400e9},
]


def level(kind: str, at_a_time: int, rtfx: float, **more: float) -> dict[str, Any]:
    """A row of throughput."""
    return {"kind": kind, "audio_s": 10.0, "tokens": 40, "at_a_time": at_a_time, "rtfx": rtfx, **more}


def part(run: str, *rows: dict[str, Any], notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """One part of a result."""
    about = {
        "run": run, "machine": "m", "commit": "c", "gpu": "", "torch": "2", "transformers": "5", "threads": 2,
        "has_kernels": True, "load": 0.5,
    }  # fmt: skip
    return {"about": about, "rows": list(rows), "notes": list(notes)}


def result(**parts: Any) -> dict[str, Any]:
    """What would be written."""
    return {"model": "0.6b", "device": "cpu", "parts": parts}


def test_each_row_has_its_limit_and_its_share_of_it() -> None:
    """From the best that the machine was seen to do."""
    found = result(limit=part("1", *LIMITS), throughput=part("1", level("int8", 8, 5.0)))
    combine(found, config_of("0.6b"))
    machine = machine_of([Row(**row) for row in LIMITS], "cpu")
    assert machine is not None
    expected = limit_rtfx(config_of("0.6b"), Clip.of(10.0), 8, "int8", machine)
    row = found["parts"]["throughput"]["rows"][0]
    assert row["limit_rtfx"] == pytest.approx(expected, abs=0.05)
    assert row["limit_share"] == pytest.approx(5.0 / expected, abs=1e-3)


def test_the_machine_is_as_good_as_its_best_way() -> None:
    """Weights may be unpacked to float32, so nothing is slower than that; float32 itself cannot be had cheaper."""
    machine = machine_of([Row(**row) for row in LIMITS], "cpu")
    assert machine is not None
    assert machine.read_bytes_per_s == 20e9
    assert machine.flops_per_s == {"float32": 200e9, "bfloat16": 200e9, "int8": 400e9, "int4": 200e9}


def test_a_machine_that_is_half_measured_bounds_nothing() -> None:
    """While it is measured again, rows keep the limits that they had."""
    found = result(limit=part("1", *LIMITS), throughput=part("1", level("int8", 8, 5.0)))
    combine(found, config_of("0.6b"))
    row = found["parts"]["throughput"]["rows"][0]
    before = dict(row)
    found["parts"]["limit"] = part("1", LIMITS[0])
    combine(found, config_of("0.6b"))
    assert row == before


def test_one_clip_is_held_against_the_rival_s_one_and_several_against_its_best() -> None:
    """Whatever number of clips, and whatever arithmetic, that best is of; clips of another length do not count."""
    rows = [level("float32", 1, 1.0), level("bfloat16", 8, 3.0), level("float32", 8, 2.0)]
    assert best_rival(rows, 10.0, 1) == 1.0
    assert best_rival(rows, 10.0, 2) == 3.0
    assert best_rival(rows, 30.0, 8) is None


def test_ratios_are_told_within_one_run_alone() -> None:
    """Another run had the machine in another state."""
    for run, ratio in (("1", 4.0), ("2", None)):
        found = result(throughput=part("1", level("int8", 8, 8.0)), rival=part(run, level("float32", 8, 2.0)))
        combine(found, config_of("0.6b"))
        assert found["parts"]["throughput"]["rows"][0].get("times_rival") == ratio


def test_a_goal_is_met_missed_or_not_measured() -> None:
    """Each in words."""
    rows = [level("bfloat16", 1, 4.0), level("bfloat16", 8, 9.5)]
    text = as_markdown(result(throughput=part("1", *rows)))
    assert "| bfloat16 | 10 s | 1 | rtfx | ≥ 3.8 | 4 | yes |" in text
    assert "| bfloat16 | 10 s | 8 | rtfx | ≥ 11.4 | 9.5 | no |" in text
    assert "| int8 | 10 s | 1 | rtfx | ≥ 6 |  |  |" in text


def test_a_bound_is_met_from_below() -> None:
    """A time to the first token may not be longer."""
    goal = next(goal for goal in GOALS if goal.is_bound)
    assert goal.is_met(0.5)
    assert not goal.is_met(0.9)


def test_goals_are_those_of_the_device() -> None:
    """The second GPU of a machine is one, too."""
    assert goals_of("1.7b", "cuda:1") == goals_of("1.7b", "cuda")
    assert all(isinstance(goal, Goal) and goal.device == "cpu" for goal in goals_of("0.6b", "cpu"))
    assert found_in([], GOALS[0]) is None


def test_rows_stand_in_order_and_notes_below() -> None:
    """However they were measured."""
    rows = (level("bfloat16", 8, 2.0, busy=0.5), level("bfloat16", 1, 1.0))
    text = as_markdown(result(throughput=part("1", *rows, notes=("int8: no kernels",))))
    assert text.index("| 1 | 1 |") < text.index("| 8 | 2 |")
    assert "50.0%" in text
    assert "Not measured: int8: no kernels" in text
