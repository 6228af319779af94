"""The table of a target's states."""

from __future__ import annotations

import itertools

import pytest

from harken.dispatch.targets.state import TRANSITIONS, Event, State

E, S = Event, State


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_has_an_answer_to_every_event(state: State, event: Event) -> None:
    """Also the pairs that seem impossible: news may come late."""
    assert TRANSITIONS[state][event] in State


@pytest.mark.parametrize("event", list(Event))
def test_nobody_comes_back_from_being_removed(event: Event) -> None:
    """A late look at a process that is gone changes nothing."""
    assert TRANSITIONS[S.GONE][event] is S.GONE


@pytest.mark.parametrize("event", [event for event in Event if event is not E.REMOVE])
def test_a_drained_target_gets_nothing_more_whatever_it_says(event: Event) -> None:
    """Its owner decided; only removal follows."""
    assert TRANSITIONS[S.DRAINING][event] is S.DRAINING


@pytest.mark.parametrize("state", [state for state in State if state is not S.GONE])
def test_the_owner_is_always_obeyed(state: State) -> None:
    """Drain and remove work from everywhere."""
    assert TRANSITIONS[state][E.DRAIN] is S.DRAINING
    assert TRANSITIONS[state][E.REMOVE] is S.GONE


@pytest.mark.parametrize("state", [state for state in State if state not in {S.DRAINING, S.GONE}])
def test_only_the_instance_itself_can_say_that_it_is_ready(state: State) -> None:
    """No other event leads to ready from anywhere else."""
    assert TRANSITIONS[state][E.SAID_READY] is S.READY
    others = {TRANSITIONS[state][event] for event in Event if event is not E.SAID_READY}
    assert S.READY not in others


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (S.READY, E.MISSED, S.SUSPECT),
        (S.READY, E.LOST, S.UNRESPONSIVE),
        (S.READY, E.FAILING, S.RESTING),
        (S.READY, E.SAID_FULL, S.FULL),
        (S.READY, E.SAID_DRAINING, S.LEAVING),
        (S.READY, E.SAID_STARTING, S.STARTING),
        (S.STARTING, E.MISSED, S.STARTING),
        (S.STARTING, E.LOST, S.STARTING),
        (S.SUSPECT, E.LOST, S.UNRESPONSIVE),
        (S.RESTING, E.RESTED, S.ON_TRIAL),
        (S.ON_TRIAL, E.SAID_READY, S.READY),
        (S.ON_TRIAL, E.FAILING, S.RESTING),
        (S.RESTING, E.MISSED, S.RESTING),
        (S.LEAVING, E.LOST, S.UNRESPONSIVE),
    ],
)
def test_the_rules_that_matter(state: State, event: Event, after: State) -> None:
    """The rows a reader would ask about."""
    assert TRANSITIONS[state][event] is after
