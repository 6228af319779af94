"""What the targets show, kept up to date."""

from __future__ import annotations

from harken.dispatch.targets.candidate import NO_WORK, Work
from harken.dispatch.targets.choice import Auto
from harken.dispatch.targets.roster import Roster
from harken.dispatch.targets.state import Event
from harken.dispatch.targets.target import Target
from harken.types import ModelInfo

BULK = Work(audio_s=30.0, is_bulk=True)


def make_roster(count: int, *, slots: int = 8) -> tuple[Roster, list[Target]]:
    """A roster of ready targets that have found that all their slots are good."""
    roster, targets = Roster(Auto(), Auto()), []
    for number in range(count):
        target = Target(f"t{number}", "http://nobody")
        target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=slots)
        target.capacity.limit = slots
        roster.add(target)
        target.apply(Event.SAID_READY)
        roster.refresh_state(target)
        targets.append(target)
    return roster, targets


def fill(roster: Roster, work: Work, *, count: int = 1_000) -> None:
    """Claim until nobody takes such work any more, or so often."""
    for _ in range(count):
        if (target := roster.choose(work, (), only_elsewhere=False)) is None:
            return
        target.claim(lambda: None, work)
        roster.refresh(target)


def test_what_it_says_follows_states_and_loads() -> None:
    """Ready, with room, open: each is known without looking at all targets."""
    roster, (one, two) = make_roster(2)
    assert (roster.ready, roster.has_room, roster.has_open_room) == ({one, two}, True, True)
    fill(roster, BULK)
    assert (roster.has_room, roster.has_open_room) == (True, False)
    fill(roster, NO_WORK)
    assert (roster.has_room, roster.has_open_room) == (False, False)
    two.apply(Event.MISSED)
    roster.refresh_state(two)
    assert roster.ready == {one}
    roster.remove(one)
    assert (list(roster), one in roster, roster.get("t0")) == ([two], False, None)


def test_news_of_a_target_that_was_struck_out_changes_nothing() -> None:
    """It may come late, and another of its name may have come."""
    roster, (old,) = make_roster(1)
    roster.remove(old)
    roster.refresh(old)
    roster.refresh_state(old)
    assert (roster.has_room, roster.ready, len(roster)) == (False, set(), 0)
    assert roster.choose(NO_WORK, (), only_elsewhere=False) is None


def test_room_for_clips_is_kept_where_they_are_fast() -> None:
    """A slow target that kept it would draw all clips; it comes last, and first again once it is not slow any more."""
    roster, (one, two) = make_roster(2)
    roster.know_slow({one: 2.0})
    fill(roster, BULK)
    assert (one.in_flight, two.in_flight) == (8, 6)
    roster, (one, two) = make_roster(2)
    roster.know_slow({one: 2.0})
    roster.know_slow({})
    fill(roster, BULK)
    assert (one.in_flight, two.in_flight) == (6, 8)


def test_a_clip_goes_to_a_slow_target_only_where_it_is_that_much_emptier() -> None:
    """Three times slower and idle is as good as two in flight; once it is slow no more they take turns again."""
    roster, (one, two) = make_roster(2)
    roster.know_slow({one: 3.0})
    fill(roster, NO_WORK, count=3)
    assert (one.in_flight, two.in_flight) == (1, 2)
    roster.know_slow({})
    fill(roster, NO_WORK, count=1)
    assert (one.in_flight, two.in_flight) == (2, 2)


def test_when_all_are_slow_the_first_keeps_room_all_the_same() -> None:
    """Compared with each other they are not; but what is known may be old."""
    roster, (one, two) = make_roster(2)
    roster.know_slow({one: 2.0, two: 2.0})
    fill(roster, BULK)
    assert (one.in_flight, two.in_flight) == (6, 8)


def test_a_target_to_avoid_is_taken_only_where_no_other_takes_work() -> None:
    """Unless it must not be at all."""
    roster, (one, two) = make_roster(2)
    assert roster.choose(NO_WORK, {one}, only_elsewhere=False) is two
    two.apply(Event.MISSED)
    roster.refresh_state(two)
    assert roster.choose(NO_WORK, {one}, only_elsewhere=False) is one
    assert roster.choose(NO_WORK, {one}, only_elsewhere=True) is None
