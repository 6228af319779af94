"""Who is let in when much waits already."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.order.room import HARD_PART, PART, Room
from harken.types import Priority, Requester

LIVE, INTERACTIVE, BATCH = Priority.LIVE, Priority.INTERACTIVE, Priority.BATCH


def of(key: str = "", priority: Priority = INTERACTIVE) -> Requester:
    """Somebody with that key."""
    return Requester(key=key, priority=priority)


def taken(*specs: tuple[Requester, float], limit_s: float = 100.0) -> Room:
    """A room that these have entered."""
    room = Room(limit_s)
    for requester, audio_s in specs:
        room.take(requester, audio_s)
    return room


def test_what_waits_is_told_by_class() -> None:
    """The most urgent first; who leaves is out of it."""
    room = taken((of(), 4.0), (of(), 6.0), (of(priority=BATCH), 30.0), (of(priority=LIVE), 1.0))
    room.leave(of(priority=LIVE), 1.0)
    told = [(one.priority, one.segments, one.audio_s) for one in room.classes()]
    assert told == [(LIVE, 0, 0.0), (INTERACTIVE, 2, 10.0), (BATCH, 1, 30.0)]


def test_the_bound_is_in_audio_seconds() -> None:
    """What would exceed it is refused, what still fits is not."""
    room = taken((of(), 94.0))
    assert not room.fits(of(), 6.5)
    assert room.fits(of(), 6.0)


def test_jobs_never_cause_the_refusal_of_somebody_who_waits() -> None:
    """However much of `batch` waits, the others have their whole bound."""
    room = taken((of(priority=BATCH), 25.0))
    assert not room.fits(of(priority=BATCH), 1.0)
    assert room.fits(of(), 100.0)


def test_a_job_is_let_in_beside_full_interactive_work() -> None:
    """It has a part of its own, and one segment of it may always wait."""
    assert taken((of(), 100.0)).fits(of(priority=BATCH), 25.0)
    assert taken((of(), 100.0)).fits(of(priority=BATCH), 30.0)


def test_a_narrower_room_is_narrower_for_all_and_never_shut() -> None:
    """Parts and shares are parts of what is left; where nobody waits, one segment may; wider than built it never is."""
    room = taken((of("busy"), 10.0))
    room.narrow(10.0)
    assert not room.fits(of("busy"))
    assert room.fits(of("quiet"), 5.0)
    assert not room.fits(of("quiet"), 5.5)
    assert room.fits(of(priority=LIVE), 2.5)
    assert room.fits(of(priority=BATCH), 30.0)
    empty = taken()
    empty.narrow(1.0)
    assert empty.fits(of(), 30.0)
    empty.narrow(1e9)
    assert not empty.fits(of(), 101.0)


def test_some_room_is_for_those_who_speak_now() -> None:
    """When the bound is reached, live segments are still let in for a while."""
    room = taken((of(), 100.0))
    assert not room.fits(of(), 1.0)
    assert room.fits(of(priority=LIVE), 25.0)
    assert not room.fits(of(priority=LIVE), 26.0)


def test_a_key_that_fills_the_queue_does_not_shut_out_the_others() -> None:
    """Whoever is below its fair share is let in, up to that share; the one that filled it is not."""
    room = taken((of("busy"), 100.0))
    assert not room.fits(of("busy"))
    assert room.fits(of("quiet"), 50.0)
    assert not room.fits(of("quiet"), 51.0)


def test_who_has_left_takes_no_room() -> None:
    """And does not count among the keys any more."""
    room = taken((of("a"), 60.0), (of("b"), 40.0))
    room.leave(of("b"), 40.0)
    assert room.audio_s == 60.0
    assert room.fits(of("a"), 40.0)
    assert room.fits(of("c"), 50.0)


def test_what_is_ahead_of_a_class_is_what_goes_before_it() -> None:
    """Jobs wait for all, nobody waits for jobs."""
    room = taken((of(), 30.0), (of(priority=BATCH), 20.0))
    assert [room.ahead_s(each) for each in (LIVE, INTERACTIVE, BATCH)] == [30.0, 30.0, 50.0]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(list(Priority)), st.integers(1, 480_000))))
@pytest.mark.slow
def test_sums_are_exact_and_the_hard_bound_holds(specs: list[tuple[str, Priority, int]]) -> None:
    """Whoever comes: what is let in never exceeds the hard bound, and after everybody has left nothing is left."""
    room, inside = Room(100.0), []
    for key, priority, samples in specs:
        requester, audio_s = of(key, priority), samples / 16_000
        if room.fits(requester, audio_s):
            room.take(requester, audio_s)
            inside.append((requester, audio_s, samples))
        assert room.audio_s == sum(each for *_, each in inside) / 16_000 <= HARD_PART * 100.0
    for requester, audio_s, _ in inside:
        room.leave(requester, audio_s)
    assert room.audio_s == 0.0
    assert all(room.limit_s(priority) == part * 100.0 for priority, part in PART.items())
