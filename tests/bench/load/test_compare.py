"""Two load tests beside each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harken.bench.load.compare import Difference, Saved, differences, unlike


def _saved(seed: int, scale: float = 1.0, *, count: int = 400, **more: object) -> Saved:
    random = np.random.default_rng(seed)
    saved = Saved(
        name="a", settings={"requests": 400}, places={"commit": "a"},
        samples={"short": (random.gamma(4, 0.05, count) * scale).tolist()},
        answers_per_s=(random.poisson(50, 40) / scale).tolist(), audio_per_s=(random.poisson(99, 40) / scale).tolist(),
        success_rate=1.0, within=0.99, word_error_rate=0.05,
    )  # fmt: skip
    return dataclasses.replace(saved, **more)  # type: ignore[arg-type]


def _by_name(before: Saved, after: Saved) -> dict[str, Difference]:
    return {one.figure: one for one in differences(before, after)}


@pytest.mark.slow
def test_what_is_the_same_is_noise() -> None:
    """Two runs of one thing: nothing fails, however strict one is."""
    found = _by_name(_saved(1), _saved(2))
    assert not any(one.fails(0.0) for one in found.values())
    assert all(one.low is not None and one.low < 1 < (one.high or 0) for one in found.values() if not one.is_share)


@pytest.mark.slow
def test_what_became_slower_fails_and_what_became_faster_does_not() -> None:
    """By the share that was said."""
    slower, faster = _by_name(_saved(1), _saved(2, 1.5)), _by_name(_saved(2, 1.5), _saved(1))
    for name in ("mean", "p50", "p95", "requests a second", "times real time"):
        assert slower[name].fails(0.1) and slower[name].is_real and not slower[name].fails(2.0), name
        assert faster[name].is_real and faster[name].worse_by == 0.0 and not faster[name].fails(0.0), name
    assert slower["mean"].ratio == pytest.approx(1.5, rel=0.15)


def test_a_slow_moment_makes_the_interval_wide() -> None:
    """A hundred slow requests in a row are one event, not a hundred."""
    even = _saved(1)
    slow = list(even.samples["short"])
    slow[100:160] = [value * 8 for value in slow[100:160]]
    found = _by_name(even, dataclasses.replace(even, samples={"short": slow}))["mean"]
    assert found.ratio is not None and found.ratio > 1.5
    assert found.low is not None and found.low < 1.2


def test_shares_are_told_as_differences() -> None:
    """A success less is worse, a word error more too; both without an interval."""
    found = _by_name(_saved(1), _saved(1, success_rate=0.98, within=1.0, word_error_rate=0.09))
    assert found["succeeded"].worse_by == pytest.approx(0.02) and found["succeeded"].fails(0.01)
    assert not found["succeeded"].fails(0.03)
    assert found["within the target"].worse_by == 0.0
    assert found["word error rate"].worse_by == pytest.approx(0.04)


def test_too_few_values_and_none_at_all_have_no_interval() -> None:
    """And so they never fail."""
    found = _by_name(_saved(1), _saved(2, 3.0, count=5, answers_per_s=[], word_error_rate=None))
    assert (found["p95"].low, found["p95"].fails(0.1)) == (None, False)
    assert found["requests a second"].after == 0.0 and not found["requests a second"].is_real
    assert "word error rate" not in found
    assert "mean" not in _by_name(_saved(1), _saved(2, samples={}))


@pytest.mark.slow
def test_the_same_files_give_the_same_intervals() -> None:
    """It is no game of chance."""
    assert differences(_saved(1), _saved(2)) == differences(_saved(1), _saved(2))


def test_what_was_not_the_same_is_said() -> None:
    """Settings and places, not titles."""
    before = _saved(1, settings={"concurrency": 4, "title": "a"})
    after = _saved(1, settings={"rate": 3.0, "title": "b"}, places={"commit": "b"})
    assert unlike(before, after) == [
        "commit: a before, b after",
        "concurrency: 4 before, none after",
        "rate: none before, 3.0 after",
    ]
