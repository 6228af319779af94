"""How much patience there is with targets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.targets.vitals import Patience, Vitals


@pytest.mark.parametrize(
    ("targets", "away", "share", "spare"),
    [
        (1, 0, 0.34, 0),
        (2, 0, 0.34, 1),
        (2, 1, 0.34, 0),
        (3, 0, 0.34, 1),
        (4, 0, 0.34, 1),
        (4, 1, 0.34, 0),
        (6, 0, 0.34, 2),
        (6, 1, 0.34, 1),
        (100, 0, 0.34, 34),
        (4, 0, 0.0, 0),
        (4, 0, 1.0, 3),
        (2, 0, 0.1, 1),
    ],
)
def test_only_so_many_are_set_aside_for_being_worse(targets: int, away: int, share: float, spare: int) -> None:
    """One where there are two, a third where there are many, never the last; who is away already counts."""
    assert Patience(eject_share=share).spare(targets, away) == spare


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0.0, 1.0))
def test_whatever_the_share_somebody_is_left(targets: int, away: int, share: float) -> None:
    """And who is away is never more than one, or the share, for being worse."""
    spare = Patience(eject_share=share).spare(targets, min(away, targets))
    assert 0 <= spare <= max(targets - min(away, targets) - 1, 0)
    assert spare == 0 or spare + min(away, targets) <= max(1, share * targets)


def test_only_what_a_success_could_forgive_is_a_spot() -> None:
    """A missed look is not its business."""
    assert Vitals(missed_looks=2).is_spotless
    for spot in (Vitals(failures=1), Vitals(rests=1), Vitals(strikes=1), Vitals(stalls=1)):
        assert not spot.is_spotless
