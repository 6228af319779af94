"""Whether one more person can be followed."""

from __future__ import annotations

from harken.errors import LiveFull
from harken.live.room import LATE_S, NEED, Room


def test_who_would_be_the_first_is_let_in() -> None:
    """Nobody is hurt by that."""
    room = Room()
    room.took(10 * LATE_S, 0.0)
    room.paced(0.1, 0.0)
    assert room.refusal(0, 0.0) is None
    assert isinstance(room.refusal(1, 0.0), LiveFull)


def test_a_delay_is_forgotten_when_nobody_speaks() -> None:
    """A stall keeps nobody out for long when it is over, though those inside are silent and cannot show it."""
    room = Room()
    for _ in range(20):
        room.took(2 * LATE_S, 100.0)
    assert isinstance(room.refusal(5, 104.0), LiveFull)
    assert room.refusal(5, 106.0) is None
    assert room.draft_s(1000.0) < 0.001


def test_a_delay_counts_while_drafts_are_late() -> None:
    """However long."""
    room = Room()
    for second in range(100):
        room.took(2 * LATE_S, float(second))
    assert isinstance(room.refusal(5, 99.5), LiveFull)


def test_a_pace_is_believed_as_long_as_it_is_measured() -> None:
    """One that has not changed for a minute was measured in another time."""
    room = Room()
    for second in range(100):
        room.paced(5 * NEED + second % 2, float(second))
    assert isinstance(room.refusal(5, 99.0), LiveFull)
    assert room.refusal(3, 99.0) is None
    for second in range(100, 160):
        room.paced(5 * NEED + 1, float(second))
    assert room.refusal(5, 160.0) is None
    room.paced(5 * NEED, 161.0)
    assert isinstance(room.refusal(5, 161.0), LiveFull)


def test_what_was_never_measured_keeps_nobody_out() -> None:
    """As on a server that has just been started."""
    assert Room().refusal(400, 0.0) is None
