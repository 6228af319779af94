"""Whose an answer is."""

from __future__ import annotations

import pytest

from harken.bench.load.instances import SEVERAL, in_rows, parts_of, whose
from harken.bench.load.outcomes import OTHER, columns_of
from tests.bench.load.making import an_outcome


@pytest.mark.parametrize(
    ("told", "name"),
    [("", ""), (",", ""), ("asr-1", "asr-1"), ("asr-1,asr-1", "asr-1"), ("asr-1, asr-2", SEVERAL)],
)
def test_an_answer_is_of_one_instance_or_of_several(told: str, name: str) -> None:
    """Named twice it is still one."""
    assert whose(told) == name


def test_the_counts_of_all_rows_add_up() -> None:
    """Each answer counts once, whoever shared it; those of several come last."""
    counts = in_rows({"z-1,a-1": 3, "z-1": 2, "": 5, "a-1,z-1,b-1": 1})
    assert list(counts.items()) == [("z-1", 2), (SEVERAL, 4)]


def test_more_instances_than_rows_are_one_row_together() -> None:
    """Nothing is left out."""
    outcomes = [an_outcome(instance=f"asr-{number}") for number in range(100)] + [an_outcome(instance="asr-0,asr-1")]
    parts = parts_of(columns_of([*outcomes, an_outcome(code="x")]))
    assert sum(map(len, parts.values())) == 101
    assert list(parts)[-2:] == [OTHER, SEVERAL] and len(parts) < 70
