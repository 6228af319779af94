"""Which target is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.choice import choose


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a target shows to a choice."""

    name: str = ""
    free_slots: int = 1
    in_flight: int = 0
    recent: int = 0
    turn: int = 0


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([], None),
        ([Shown(name="a", free_slots=0), Shown(name="b", free_slots=0)], None),
        ([Shown(name="a", free_slots=0), Shown(name="b", in_flight=7)], "b"),
        ([Shown(name="a", in_flight=2), Shown(name="b", in_flight=1)], "b"),
        ([Shown(name="a", in_flight=1), Shown(name="b", in_flight=2, free_slots=9)], "a"),
        ([Shown(name="a", recent=5), Shown(name="b", recent=3)], "b"),
        ([Shown(name="a", in_flight=0, recent=9), Shown(name="b", in_flight=1, recent=0)], "a"),
        ([Shown(name="a", turn=8), Shown(name="b", turn=5)], "b"),
        ([Shown(name="a", recent=1, turn=8), Shown(name="b", recent=2, turn=5)], "a"),
    ],
)
def test_fewest_in_flight_then_fewest_recent_then_rotation(candidates: list[Shown], chosen: str | None) -> None:
    """One row per rule."""
    got = choose(candidates)
    assert (got.name if got else None) == chosen


SHOWN = st.builds(
    Shown,
    free_slots=st.integers(0, 3),
    in_flight=st.integers(0, 5),
    recent=st.integers(0, 5),
    turn=st.integers(0, 9),
)


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(SHOWN, max_size=8))
def test_the_chosen_one_is_free_and_nobody_free_has_less_to_do(candidates: list[Shown]) -> None:
    """And None only when nobody is free."""
    got = choose(candidates)
    free = [each for each in candidates if each.free_slots]
    assert (got is None) == (not free)
    assert got is None or (got in free and got.in_flight == min(each.in_flight for each in free))
