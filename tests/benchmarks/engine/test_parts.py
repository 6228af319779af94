"""A run's parts, small: what they give, and what a defect costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.parts import Bench, Load, Part, Plan
from benchmarks.engine.rounds import Pace


def plan(folder: Path, **changed: Any) -> Plan:
    """The smallest one."""
    usual: dict[str, Any] = {
        "folder": folder, "device": "cpu", "kinds": ("float32",), "rival_kinds": ("float32",),
        "loads": (Load(clip=Clip.of(1.0), at_a_time=(2, 1), rival_at_a_time=(1,)),),
        "pace": Pace(rounds=1, batches=1, duration_s=0.0), "budget_s": None, "threads": 2, "limit_s": 0.001,
        "strings": 1, "followed": 1,
    }  # fmt: skip
    return Plan(**{**usual, **changed})


def run(name: str, wanted: Plan) -> tuple[Part, list[int]]:
    """Measure a part; also how many rows there were each time it was noted."""
    noted: list[int] = []
    return Bench(wanted, lambda _, part: noted.append(len(part.rows))).run(name), noted


@pytest.mark.slow
def test_every_level_has_its_row_and_every_row_is_noted(tiny_folder: Path) -> None:
    """Four tokens for each clip of a second; who reads along has the first before the last."""
    part, noted = run("throughput", plan(tiny_folder))
    assert [(row["at_a_time"], row["tokens"]) for row in part.rows] == [(2, 4), (1, 4)]
    assert all(0 < row["first_token_p50_s"] <= row["latency_p95_s"] for row in part.rows)
    assert part.notes == []
    assert noted == [1, 2, 2]


@pytest.mark.slow
def test_weights_that_cannot_be_had_are_a_note(tiny_folder: Path) -> None:
    """The others are measured."""
    part, _ = run("throughput", plan(tiny_folder, device="cuda:77", kinds=("bfloat16", "int8")))
    assert part.rows == []
    assert [note.partition(":")[0] for note in part.notes] == ["bfloat16", "int8"]


@pytest.mark.slow
def test_a_defect_ends_one_part_with_a_note(tmp_path: Path) -> None:
    """Not the run."""
    part, noted = run("rival", plan(tmp_path))
    assert part.notes[0].startswith("rival ended with ")
    assert noted == [0]


@pytest.mark.slow
def test_a_part_without_time_has_one_row(tiny_folder: Path) -> None:
    """The most important one."""
    part, _ = run("throughput", plan(tiny_folder, budget_s=0.0))
    assert [row["at_a_time"] for row in part.rows] == [2]
    assert len(part.notes) == 1
