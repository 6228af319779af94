"""Two views become one honest word."""

from __future__ import annotations

import dataclasses

import pytest

from harken.server.gateway_health import GatewayState, gateway_health, merge
from harken.types import InstanceHealth


def target(number: int, state: str) -> InstanceHealth:
    """What the dispatcher knows."""
    return InstanceHealth(name=f"asr-{number}", url=f"http://host:{number}", state=state, in_flight=number, slots=8)


def process(number: int, state: str) -> InstanceHealth:
    """What the fleet knows."""
    return InstanceHealth(name=f"asr-{number}", url="", state=state, restarts=2, pid=100 + number)


def state(*states: str, is_draining: bool = False) -> GatewayState:
    """Instances in these states, by the dispatcher's word."""
    return GatewayState(
        name="gateway",
        is_draining=is_draining,
        targets=tuple(target(number, word) for number, word in enumerate(states)),
        instances=tuple(process(number, word) for number, word in enumerate(states)),
        model="stub",
        queued_audio_s=1.5,
    )


@pytest.mark.parametrize(
    ("states", "word", "is_ready"),
    [
        ((), "starting", False),
        (("starting", "starting"), "starting", False),
        (("ready", "starting"), "degraded", True),
        (("ready", "ready"), "ready", True),
        (("ready", "full"), "ready", True),
        (("unresponsive", "unresponsive"), "starting", False),
        (("resting", "resting"), "broken", False),
        (("resting", "on_trial"), "degraded", True),
        (("on_trial",), "degraded", True),
        (("resting", "starting"), "starting", False),
        (("on_trial", "ready"), "degraded", True),
        (("broken_at_start", "ready"), "degraded", True),
        (("broken_at_start", "starting"), "starting", False),
        (("broken_at_start", "broken_at_start"), "broken", False),
        (("ready", "stopped"), "ready", True),
        (("ready", "draining"), "ready", True),
        (("ready", "stopped", "starting"), "degraded", True),
        (("stopped", "starting"), "starting", False),
        (("stopped", "stopped"), "stopped", False),
        (("stopped", "broken_at_start"), "broken", False),
    ],
)
def test_one_word_says_whether_recordings_can_be_taken(states: tuple[str, ...], word: str, is_ready: bool) -> None:
    """Ready exactly when some instance takes work."""
    health = gateway_health(state(*states))
    assert (health.state, health.is_ready) == (word, is_ready)


def test_a_gateway_that_sleeps_is_ready_because_a_recording_would_wake_it() -> None:
    """Until it has instances again; and one that was told to leave wakes for nobody."""
    asleep = dataclasses.replace(state(), is_asleep=True)
    assert (gateway_health(asleep).state, gateway_health(asleep).is_ready) == ("asleep", True)
    leaving = gateway_health(dataclasses.replace(asleep, is_draining=True))
    assert (leaving.state, leaving.is_ready) == ("draining", False)
    awake = gateway_health(dataclasses.replace(state("ready"), is_asleep=True))
    assert (awake.state, awake.is_ready) == ("ready", True)


def test_a_gateway_whose_operator_wants_no_instances_is_stopped() -> None:
    """Nobody waits for a start that will not come; before anything is known it is just starting."""
    assert gateway_health(dataclasses.replace(state(), has_fleet=True)).state == "stopped"


def test_a_draining_gateway_is_not_ready_however_well_its_instances_are() -> None:
    """Load balancers must go elsewhere from the first moment."""
    health = gateway_health(state("ready", "ready", is_draining=True))
    assert (health.state, health.is_ready) == ("draining", False)


def test_each_side_adds_what_it_knows() -> None:
    """State, slots and address from the dispatcher; process, restarts and reason from the fleet."""
    (line,) = merge((target(1, "unresponsive"),), (process(1, "killing"),))
    assert line == InstanceHealth(
        name="asr-1", url="http://host:1", state="unresponsive", in_flight=1, slots=8, restarts=2, pid=101
    )


def test_an_instance_without_an_address_is_shown_too() -> None:
    """One that waits for its restart has not vanished."""
    waiting = dataclasses.replace(process(2, "waiting"), pid=None)
    lines = merge((target(1, "ready"),), (process(1, "ready"), waiting))
    assert [line.name for line in lines] == ["asr-1", "asr-2"]
    assert lines[1] == waiting


def test_a_target_that_no_fleet_knows_is_shown_last() -> None:
    """Addresses from elsewhere have no process of ours."""
    assert [line.name for line in merge((target(9, "ready"), target(1, "ready")), (process(1, "ready"),))] == [
        "asr-1",
        "asr-9",
    ]


def test_a_gateway_that_cannot_read_its_keys_is_not_ready() -> None:
    """Its instances are well, and nobody gets to them."""
    health = gateway_health(dataclasses.replace(state("ready", "ready"), lets_in=False))
    assert (health.state, health.is_ready) == ("locked", False)


def test_who_takes_nothing_for_longer_than_anybody_waits_is_not_ready() -> None:
    """Full for a moment is well; full for minutes, as all said themselves, is a recording refused."""
    shut = dataclasses.replace(state("full", "full"), is_shut=True)
    assert (gateway_health(shut).state, gateway_health(shut).is_ready) == ("full", False)
    assert gateway_health(state("full", "full")).is_ready
