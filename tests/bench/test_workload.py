"""What comes: the mix, its load, its seed."""

from __future__ import annotations

import pytest

from harken.bench.workload import LONG_S, MIX, SHORT_S, Drawn


def test_the_mix_is_the_benchmarks() -> None:
    """85 % clips of six seconds on average, 12 % to three minutes, 3 % long files."""
    lengths = [arrival.audio_s for arrival in Drawn(count=50_000, audio_s_per_s=100.0, seed=1)]
    short = [each for each in lengths if each < SHORT_S]
    long = [each for each in lengths if each >= LONG_S]
    assert len(short) / len(lengths) == pytest.approx(0.85, abs=0.01)
    assert len(long) / len(lengths) == pytest.approx(0.03, abs=0.005)
    assert sum(short) / len(short) == pytest.approx(6.0, abs=0.3)
    assert (min(lengths) >= 1.0, max(lengths) <= 1200.0) == (True, True)
    assert sum(part.share for part in MIX) == pytest.approx(1.0)


def test_the_load_is_what_was_asked_for() -> None:
    """Audio per second, over the whole time."""
    drawn = Drawn(count=20_000, audio_s_per_s=250.0, seed=2)
    assert sum(arrival.audio_s for arrival in drawn) / drawn.last_s == pytest.approx(250.0, rel=0.03)


def test_the_same_seed_draws_the_same_and_can_be_gone_through_again() -> None:
    """Every arm gets the same work."""
    one, two, other = (Drawn(count=100, audio_s_per_s=10.0, seed=seed) for seed in (1, 1, 2))
    assert list(one) == list(one) == list(two) != list(other)
    assert len(one) == 100
    assert [arrival.at_s for arrival in one] == sorted(arrival.at_s for arrival in one)
