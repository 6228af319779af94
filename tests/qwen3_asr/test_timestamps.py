"""Rules of harken.qwen3_asr.timestamps."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.qwen3_asr.timestamps import longest_rising, repair
from tests.qwen3_asr import aligner_reference

_TIMES = st.lists(st.integers(0, 12) | st.integers(0, 375), min_size=1, max_size=40)


@given(classes=_TIMES)
def test_the_repair_is_that_of_transformers(classes: list[int]) -> None:
    """The same times for any input, ties of all kinds included."""
    times = np.asarray(classes, dtype=np.float32) * 80
    assert repair(times.tolist()) == aligner_reference.fix_timestamps(times)


@given(classes=_TIMES, wrong=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 375)), max_size=12))
def test_it_is_also_where_most_times_are_right(classes: list[int], wrong: list[tuple[int, int]]) -> None:
    """An aligner's times are in order but for a few; here those few are anywhere."""
    ordered = sorted(classes)
    for place, value in wrong:
        ordered[place % len(ordered)] = value
    times = np.asarray(ordered, dtype=np.float32) * 80
    assert repair(times.tolist()) == aligner_reference.fix_timestamps(times)


@given(classes=_TIMES)
def test_repaired_times_never_run_backwards(classes: list[int]) -> None:
    """Whatever was classified."""
    repaired = repair([80 * index for index in classes])
    assert repaired == sorted(repaired)
    assert len(repaired) == len(classes)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ([], []),
        ([80, 160, 160, 400], [80, 160, 160, 400]),
        ([80, 4000, 160, 240], [80, 80, 160, 240]),
        ([80, 4000, 3920, 160, 240, 320], [80, 80, 160, 160, 240, 320]),
        ([0, 900, 800, 700, 400, 480, 560, 640], [0, 100, 200, 300, 400, 480, 560, 640]),
        ([500, 80, 160], [80, 80, 160]),
        ([80, 160, 0], [80, 160, 160]),
    ],
)
def test_few_wrong_times_take_a_neighbours_and_more_are_spread(said: list[int], meant: list[int]) -> None:
    """Up to two in a row snap to the nearer side, longer runs are spread evenly, ends take what there is."""
    assert repair(said) == meant


def test_thousands_of_words_cost_no_time() -> None:
    """The search over all pairs takes minutes for so many."""
    times = random.Random(0).sample(range(10**6), 20_000)
    began = time.process_time()
    assert len(longest_rising(times)) > 100
    repair(times)
    assert time.process_time() - began < 1
