"""When a device is suspect, who may start on it then, and when it is given up."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.device_health import (
    DEVICE_TABLE,
    WINDOW_S,
    Answer,
    DeviceEvent,
    DeviceHealth,
    DeviceReact,
    DeviceState,
)

S, E, R = DeviceState, DeviceEvent, DeviceReact


def suspect(start_retries: int = 1) -> DeviceHealth:
    """A device of which two instances have just failed, at second 0."""
    health = DeviceHealth(start_retries)
    health.on(E.FAILED, "a", 0.0)
    health.on(E.FAILED, "b", 0.0)
    return health


def probed(start_retries: int = 1) -> DeviceHealth:
    """A suspect device on which "a" is the probe."""
    health = suspect(start_retries)
    health.on(E.ASKED, "a", 1.0)
    return health


def given_up() -> DeviceHealth:
    """A device whose only try has failed."""
    health = probed(start_retries=0)
    health.on(E.FAILED, "a", 2.0)
    return health


def test_every_pair_of_state_and_event_has_an_answer() -> None:
    """Late news included."""
    assert set(DEVICE_TABLE) == set(itertools.product(DeviceState, DeviceEvent))


@pytest.mark.parametrize(
    ("health", "event", "name", "answer", "state"),
    [
        (DeviceHealth(1), E.ASKED, "a", Answer.ADMIT, S.WELL),
        (DeviceHealth(1), E.LOADING, "a", Answer.NONE, S.WELL),
        (DeviceHealth(1), E.READY, "a", Answer.NONE, S.WELL),
        (DeviceHealth(1), E.FAILED, "a", Answer.NONE, S.WELL),
        (DeviceHealth(1), E.LEFT, "a", Answer.NONE, S.WELL),
        (DeviceHealth(1), E.MPS_DIED, "", Answer.NONE, S.SUSPECT),
        (suspect(), E.ASKED, "c", Answer.ADMIT, S.PROBED),
        (suspect(), E.LOADING, "c", Answer.NONE, S.SUSPECT),
        (suspect(), E.READY, "c", Answer.NONE, S.WELL),
        (suspect(), E.FAILED, "c", Answer.NONE, S.SUSPECT),
        (suspect(), E.LEFT, "c", Answer.NONE, S.SUSPECT),
        (suspect(), E.MPS_DIED, "", Answer.NONE, S.SUSPECT),
        (probed(), E.ASKED, "a", Answer.ADMIT, S.PROBED),
        (probed(), E.ASKED, "b", Answer.HOLD, S.PROBED),
        (probed(), E.LOADING, "a", Answer.NONE, S.PROBED),
        (probed(), E.READY, "a", Answer.NONE, S.WELL),
        (probed(), E.READY, "c", Answer.NONE, S.WELL),
        (probed(), E.FAILED, "a", Answer.NONE, S.PROBED),
        (probed(start_retries=0), E.FAILED, "a", Answer.NONE, S.GIVEN_UP),
        (probed(start_retries=0), E.FAILED, "c", Answer.NONE, S.PROBED),
        (probed(), E.LEFT, "a", Answer.NONE, S.SUSPECT),
        (probed(), E.LEFT, "b", Answer.NONE, S.PROBED),
        (probed(), E.MPS_DIED, "", Answer.NONE, S.PROBED),
        (given_up(), E.ASKED, "a", Answer.REFUSE, S.GIVEN_UP),
        (given_up(), E.LOADING, "a", Answer.NONE, S.GIVEN_UP),
        (given_up(), E.READY, "c", Answer.NONE, S.GIVEN_UP),
        (given_up(), E.FAILED, "c", Answer.NONE, S.GIVEN_UP),
        (given_up(), E.LEFT, "a", Answer.NONE, S.GIVEN_UP),
        (given_up(), E.MPS_DIED, "", Answer.NONE, S.GIVEN_UP),
    ],
)
def test_each_event_in_each_state(
    health: DeviceHealth, event: DeviceEvent, name: str, answer: Answer, state: DeviceState
) -> None:
    """Of the instances "a" and "b" have failed and "a" is the probe, where there is one; "c" was there all the time."""
    assert health.on(event, name, 3.0) is answer
    assert health.state is state


def test_one_instance_that_fails_again_and_again_says_nothing_of_its_device() -> None:
    """Its recording, its port, its memory: the others work."""
    health = DeviceHealth(1)
    for now in range(20):
        health.on(E.FAILED, "a", float(now))
    assert health.state is S.WELL


@pytest.mark.parametrize(("apart_s", "state"), [(WINDOW_S, S.SUSPECT), (WINDOW_S + 0.1, S.WELL)])
def test_two_instances_that_fail_together_make_their_device_suspect(apart_s: float, state: DeviceState) -> None:
    """Ten seconds apart at most."""
    health = DeviceHealth(1)
    health.on(E.FAILED, "a", 5.0)
    health.on(E.FAILED, "b", 5.0 + apart_s)
    assert health.state is state


def test_who_loads_already_when_its_device_becomes_suspect_is_the_probe() -> None:
    """It was restarted before the second one's death was noticed: nobody else has to begin first."""
    health = DeviceHealth(0)
    health.on(E.FAILED, "a", 0.0)
    health.on(E.ASKED, "a", 0.1)
    health.on(E.LOADING, "a", 0.1)
    health.on(E.FAILED, "b", 0.2)
    assert (health.state, health.probe) == (S.PROBED, "a")
    assert health.on(E.ASKED, "b", 0.3) is Answer.HOLD
    health.on(E.FAILED, "a", 0.4)
    assert health.state is S.GIVEN_UP


def test_who_loaded_once_is_no_probe_later() -> None:
    """It is ready, or gone."""
    for end in (E.READY, E.LEFT, E.FAILED):
        health = DeviceHealth(1)
        health.on(E.LOADING, "a", 0.0)
        health.on(end, "a", 20.0)
        health.on(E.FAILED, "b", 40.0)
        health.on(E.FAILED, "c", 40.0)
        assert (health.state, health.probe) == (S.SUSPECT, "")


def test_the_same_failures_are_not_counted_again_after_the_device_has_proved_itself() -> None:
    """What was known is forgiven: it takes two new ones."""
    health = probed()
    health.on(E.READY, "a", 2.0)
    health.on(E.FAILED, "b", 3.0)
    assert health.state is S.WELL


def test_a_probe_may_fail_as_often_as_a_start_may() -> None:
    """`start_retries = 2`: two failed ones are tried again by the same instance, the third is the verdict."""
    health = probed(start_retries=2)
    for _ in range(2):
        health.on(E.FAILED, "a", 2.0)
        assert (health.on(E.ASKED, "b", 2.0), health.on(E.ASKED, "a", 2.0)) == (Answer.HOLD, Answer.ADMIT)
    health.on(E.FAILED, "a", 3.0)
    assert (health.state, health.failed_probes) == (S.GIVEN_UP, 3)


def test_who_takes_over_from_a_probe_that_left_has_its_tries_not_anew() -> None:
    """Otherwise each of many instances would have to fail as often."""
    health = probed(start_retries=1)
    health.on(E.FAILED, "a", 2.0)
    health.on(E.LEFT, "a", 2.0)
    assert health.on(E.ASKED, "b", 2.0) is Answer.ADMIT
    health.on(E.FAILED, "b", 3.0)
    assert health.state is S.GIVEN_UP


@given(st.lists(st.tuples(st.sampled_from(DeviceEvent), st.sampled_from("abc"), st.integers(0, 12)), max_size=80))
def test_a_suspect_device_lets_in_one_at_a_time_and_never_nobody(events: list[tuple[DeviceEvent, str, int]]) -> None:
    """Whatever happens, and in whatever order."""
    health = DeviceHealth(2)
    now = 0.0
    for event, name, later in events:
        now += later
        health.on(event, name, now)
        if health.state in (S.SUSPECT, S.PROBED):
            asking = sorted("abc", key=lambda one: one != health.probe)
            assert [health.on(E.ASKED, one, now) for one in asking] == [Answer.ADMIT, Answer.HOLD, Answer.HOLD]
