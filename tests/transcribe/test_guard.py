"""The guard's policy: what is tried, in which order, within which bounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.testing import spell
from harken.transcribe.guard import Case, Remedy, next_remedy, quiet_middle, trouble_of
from harken.transcribe.result import RepairKind
from harken.types import SAMPLE_RATE, Finish, Transcript

LONG, SHORT, MUCH = 10 * SAMPLE_RATE, SAMPLE_RATE, 100 * SAMPLE_RATE


@pytest.mark.parametrize(
    ("text", "finish", "trouble"),
    [
        ("fine", Finish.STOP, None),
        ("fine", Finish.LENGTH, RepairKind.LENGTH),
        ("x", Finish.LOOP, RepairKind.LOOP),
        ("the " * 200, Finish.STOP, RepairKind.LOOP),
        ("the " * 200, Finish.LENGTH, RepairKind.LOOP),
        ("nine " * 30, Finish.STOP, None),
    ],
)
def test_trouble_is_a_loop_or_a_cap(text: str, finish: Finish, trouble: RepairKind | None) -> None:
    """The engine's word counts, and so does the text where the engine noticed nothing."""
    assert trouble_of(Transcript(text=text, language="English", audio_s=10.0, finish=finish)) is trouble


@pytest.mark.parametrize(
    ("trouble", "samples", "expected"),
    [
        (RepairKind.LOOP, LONG, [Remedy.PENALTY, Remedy.HALVES]),
        (RepairKind.LOOP, SHORT, [Remedy.PENALTY, Remedy.STRONG_PENALTY, None]),
        (RepairKind.LENGTH, LONG, [Remedy.HALVES]),
        (RepairKind.LENGTH, SHORT, [Remedy.PENALTY, None]),
    ],
)
def test_remedies_come_in_their_order(trouble: RepairKind, samples: int, expected: list[Remedy | None]) -> None:
    """A penalty before halves for loops, halves at once for caps; what is too short to cut gets stronger medicine."""
    tried: frozenset[Remedy] = frozenset()
    for remedy in expected:
        found = next_remedy(Case(trouble=trouble, samples=samples, tried=tried, samples_left=MUCH))
        assert found is remedy
        if found is not None:
            tried |= {found}


@pytest.mark.parametrize("trouble", [RepairKind.LOOP, RepairKind.LENGTH])
def test_what_would_cost_too_much_is_not_tried(trouble: RepairKind) -> None:
    """A stretch is recognised again only when all of it may be."""
    case = Case(trouble=trouble, samples=LONG, tried=frozenset(), samples_left=LONG - 1)
    assert next_remedy(case) is None


def test_every_case_ends() -> None:
    """Whatever was tried: the remedies run out, so that nothing is recognised for ever."""
    penalties = [Remedy.PENALTY, Remedy.STRONG_PENALTY]
    for count, kind in itertools.product(range(3), (RepairKind.LOOP, RepairKind.LENGTH)):
        for tried in itertools.combinations(penalties, count):
            remedy = next_remedy(Case(trouble=kind, samples=SHORT, tried=frozenset(tried), samples_left=MUCH))
            assert remedy is None or remedy not in tried


def test_a_cut_falls_into_the_quiet_place_nearest_to_the_middle() -> None:
    """Between words, not in them."""
    samples = spell(["one"] * 11)
    at = quiet_middle(samples)
    assert samples[at - 200 : at + 200].max() == 0.0
    assert abs(at - len(samples) // 2) < 0.3 * SAMPLE_RATE


@settings(max_examples=20, deadline=None)
@given(st.integers(2 * SAMPLE_RATE, 40 * SAMPLE_RATE), st.integers(0, 2**32 - 1))
def test_both_halves_are_long_enough(count: int, seed: int) -> None:
    """At least a second each, and no half is much longer than the other."""
    samples = np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)
    at = quiet_middle(samples)
    assert SAMPLE_RATE <= at <= count - SAMPLE_RATE
    assert 0.29 * count <= at <= 0.71 * count
