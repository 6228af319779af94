"""The life of an instance, as a table."""

from __future__ import annotations

import itertools

import pytest

from harken.server.lifecycle import TABLE, Event, State, after

STORIES = {
    "a good life": ([Event.LOADED, Event.VERIFIED, Event.STOP, Event.EMPTY], State.STOPPED),
    "a wrong canary": ([Event.LOADED, Event.BROKEN], State.BROKEN_AT_START),
    "a missing model": ([Event.BROKEN], State.BROKEN_AT_START),
    "told to leave while loading": ([Event.STOP, Event.LOADED, Event.VERIFIED], State.STOPPED),
    "told to leave while warming": ([Event.LOADED, Event.STOP, Event.VERIFIED], State.STOPPED),
    "told to leave twice": ([Event.LOADED, Event.VERIFIED, Event.STOP, Event.STOP], State.DRAINING),
    "the engine fails later": ([Event.LOADED, Event.VERIFIED, Event.ENGINE_LOST], State.STOPPED),
    "the engine fails while draining": ([Event.LOADED, Event.VERIFIED, Event.STOP, Event.ENGINE_LOST], State.STOPPED),
}


def test_every_pair_of_state_and_event_has_an_answer() -> None:
    """No event can come at a bad moment, because there is none without an answer."""
    assert set(TABLE) == set(itertools.product(State, Event))


@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_as_it_should(story: str) -> None:
    """The table says what a reader expects of it."""
    events, end = STORIES[story]
    state = State.STARTING
    for event in events:
        state = after(state, event)
    assert state is end


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("last", [State.STOPPED, State.BROKEN_AT_START])
def test_the_last_states_are_left_by_nothing(last: State, event: Event) -> None:
    """A late event never brings a leaving instance back."""
    assert after(last, event) is last


def test_ready_is_reached_only_by_a_right_canary() -> None:
    """There is one way to become ready: from warming, verified."""
    ways = {pair for pair, state in TABLE.items() if state is State.READY and pair[0] is not State.READY}
    assert ways == {(State.WARMING, Event.VERIFIED)}
