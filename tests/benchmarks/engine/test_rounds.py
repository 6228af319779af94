"""When a level is measured: whole batches, of the time that was asked for."""

from __future__ import annotations

import pytest

from benchmarks.engine.rounds import Pace, Rounds


def play(rounds: Rounds, times: list[float]) -> int:
    """Let segments end at these times; how many it took until all rounds were done."""
    for count, now in enumerate(times, 1):
        rounds.see(now)
        if rounds.is_over:
            return count
    raise AssertionError("never over")


def test_the_first_segment_of_each_client_is_warm_up() -> None:
    """Its time is not in any round."""
    rounds = Rounds(2, Pace(rounds=2, batches=1, duration_s=0.0))
    assert play(rounds, [10, 10, 11, 11, 12, 12]) == 6
    assert rounds.segments_per_s() == [2.0, 2.0]
    assert rounds.span() == (10, 12)


def test_a_round_lasts_as_long_as_it_should() -> None:
    """And ends with a whole batch."""
    rounds = Rounds(2, Pace(rounds=1, batches=1, duration_s=2.5))
    assert play(rounds, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]) == 8
    assert rounds.segments_per_s() == [2.0]


def test_a_round_has_as_many_batches_as_it_should() -> None:
    """However long each of them takes."""
    rounds = Rounds(3, Pace(rounds=1, batches=2, duration_s=1.0))
    assert play(rounds, [100.0 * count for count in range(1, 20)]) == 9


def test_the_median_round_counts() -> None:
    """One that somebody else disturbed is told, and not taken."""
    rounds = Rounds(1, Pace(rounds=3, batches=1, duration_s=0.0))
    play(rounds, [0.0, 1.0, 11.0, 12.0])
    assert rounds.median_per_s() == 1.0
    assert rounds.segments_per_s() == pytest.approx([1.0, 0.1, 1.0])


def test_what_ends_afterwards_is_no_matter() -> None:
    """The others' segments are broken off."""
    rounds = Rounds(1, Pace(rounds=1, batches=1, duration_s=0.0))
    play(rounds, [0.0, 1.0])
    rounds.see(50.0)
    assert rounds.span() == (0.0, 1.0)
