"""Rules of harken.engine.stopping."""

from __future__ import annotations

import pytest

from harken.engine.stopping import finish_of, token_cap
from harken.types import Finish

_STOP_IDS = frozenset({7, 8})


@pytest.mark.parametrize(("audio_s", "cap"), [(0.0, 32), (0.01, 33), (1.0, 44), (10.0, 152), (30.0, 392)])
def test_the_cap_is_32_tokens_and_12_for_each_second(audio_s: float, cap: int) -> None:
    """A fraction of a token counts as a whole one."""
    assert token_cap(audio_s) == cap


@pytest.mark.parametrize(
    ("token", "written", "finish"),
    [
        (1, 1, None),
        (1, 9, None),
        (1, 10, Finish.LENGTH),
        (1, 11, Finish.LENGTH),
        (7, 0, Finish.STOP),
        (8, 9, Finish.STOP),
        (7, 10, Finish.STOP),
    ],
)
def test_a_stop_token_ends_it_properly_and_the_cap_ends_it_with_a_warning(
    token: int, written: int, finish: Finish | None
) -> None:
    """A sequence that says "done" at its cap is done: nothing is missing."""
    assert finish_of(token, written, cap=10, stop_ids=_STOP_IDS) == finish


def test_a_loop_ends_it_unless_it_has_just_ended_itself() -> None:
    """LOOP comes before LENGTH, because it says more; "done" comes before both."""
    assert finish_of(1, 5, cap=10, stop_ids=_STOP_IDS, is_loop=True) is Finish.LOOP
    assert finish_of(1, 10, cap=10, stop_ids=_STOP_IDS, is_loop=True) is Finish.LOOP
    assert finish_of(7, 5, cap=10, stop_ids=_STOP_IDS, is_loop=True) is Finish.STOP
