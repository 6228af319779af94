"""A target's slots and claims."""

from __future__ import annotations

import pytest

from harken.dispatch.targets.state import Event, State
from harken.dispatch.targets.target import Target
from harken.dispatch.targets.vitals import Vitals
from harken.testing import FakeClock
from harken.types import InstanceHealth, ModelInfo


def nothing() -> None:
    """Nobody wants to know."""


def ready_target(slots: int = 2) -> Target:
    """A ready target."""
    target = Target("one", "http://127.0.0.1:1/")
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=slots)
    target.apply(Event.SAID_READY)
    return target


def test_a_claim_holds_a_slot_for_as_long_as_its_with() -> None:
    """Two claims fill two slots; leaving gives them back one by one."""
    target = ready_target(slots=2)
    with target.claim(nothing):
        with target.claim(nothing):
            assert (target.in_flight, target.free_slots) == (2, 0)
        assert (target.in_flight, target.free_slots) == (1, 1)
    assert (target.in_flight, target.free_slots) == (0, 2)


def test_a_claim_is_released_when_what_it_was_for_fails() -> None:
    """On every path."""
    target = ready_target()
    with pytest.raises(ZeroDivisionError), target.claim(nothing):
        _ = 1 / 0
    assert target.in_flight == 0


def test_a_slot_is_given_back_once() -> None:
    """Releasing twice neither frees a second slot nor tells anybody twice."""
    told: list[None] = []
    target = ready_target()
    other = target.claim(nothing)
    claim = target.claim(lambda: told.append(None))
    claim.release()
    claim.release()
    assert (target.in_flight, len(told)) == (1, 1)
    other.release()


def test_a_target_is_never_given_more_than_its_slots() -> None:
    """That would be our own mistake."""
    target = ready_target(slots=1)
    with target.claim(nothing), pytest.raises(AssertionError, match="free slot"):
        target.claim(nothing)


def test_fewer_slots_than_in_flight_is_zero_free_not_less() -> None:
    """An instance may come back with a smaller configuration."""
    target = ready_target(slots=2)
    with target.claim(nothing), target.claim(nothing):
        target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
        assert target.free_slots == 0


@pytest.mark.parametrize("event", [Event.MISSED, Event.DRAIN, Event.SAID_FULL, Event.SAID_DRAINING, Event.REMOVE])
def test_a_target_that_is_not_ready_has_no_free_slots(event: Event) -> None:
    """Whatever it has."""
    target = ready_target()
    target.apply(event)
    assert target.free_slots == 0


def test_a_cut_reaches_every_holder_also_one_that_has_not_begun() -> None:
    """A claim handed over a moment ago is cut as soon as its holder listens."""
    stopped: list[str] = []
    target = ready_target(slots=2)
    with target.claim(nothing) as first, target.claim(nothing) as second:
        first.on_cut(lambda: stopped.append("first"))
        target.cut("It is gone.")
        second.on_cut(lambda: stopped.append("second"))
        assert stopped == ["first", "second"]
        assert second.cut_reason == "It is gone."


def test_a_cut_after_the_end_of_an_attempt_stops_nothing() -> None:
    """Nobody listens any more."""
    target = ready_target()
    with target.claim(nothing) as claim:
        claim.on_cut(lambda: pytest.fail("it has ended"))
        claim.on_cut(None)
        target.cut("Too late.")


def test_health_shows_what_operators_need() -> None:
    """Name, address, state, slots, and the signals that its health is judged by."""
    target = ready_target()
    target.detail, target.loop_lag_s = "well", 0.25
    with target.claim(nothing):
        shown = target.health()
    assert shown == InstanceHealth(
        name="one",
        url="http://127.0.0.1:1",
        state="ready",
        in_flight=1,
        slots=2,
        limit=target.limit,
        loop_lag_s=0.25,
        detail="well",
        model="m",
    )
    assert State.READY.value in repr(target)


def test_health_tells_the_age_of_the_last_success() -> None:
    """In seconds; before the first there is none."""
    clock = FakeClock()
    target = Target("one", "http://127.0.0.1:1", clock=clock)
    assert target.health().last_success_s is None
    target.last_success = clock.now()
    clock.advance(7)
    assert target.health().last_success_s == 7


@pytest.mark.parametrize(
    ("vitals", "word"),
    [
        (Vitals(failures=5, rests=1), "failing"),
        (Vitals(stalls=2, rests=1), "stalled"),
        (Vitals(is_disproved=True, rests=1), "canary"),
    ],
)
def test_health_tells_why_a_target_is_set_aside(vitals: Vitals, word: str) -> None:
    """While it is: on trial it works again."""
    target = ready_target()
    target.vitals = vitals
    target.apply(Event.FAILING)
    assert (target.health().ejected, target.health().limit) == (word, 0)
    target.apply(Event.RESTED)
    assert target.health().ejected == ""
