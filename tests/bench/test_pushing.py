"""nginx's arms: its orders, and what it does when a peer fails."""

from __future__ import annotations

import itertools

import pytest

from harken.bench.faults import read_fault
from harken.bench.instance import VirtualInstance
from harken.bench.pushing import READ_TIMEOUT_S, LeastConnections, Peer, SmoothWeights
from harken.bench.score import Row
from harken.bench.simulation import NGINX_LEAST, NGINX_WEIGHTED, Scenario, run_arm
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival


def peers(*weights: float) -> list[Peer]:
    """Peers of these weights."""
    timeline = Timeline()
    return [
        Peer(VirtualInstance(f"asr-{number}", slots=1, rtfx=1.0, timeline=timeline), weight)
        for number, weight in enumerate(weights, start=1)
    ]


def test_the_guides_weights_are_spread_smoothly() -> None:
    """In ten turns each as often as its weight; and 5, 1, 1 are a a b a c a a, nginx's own example."""
    guide, example = SmoothWeights(peers(3, 3, 2, 2)), SmoothWeights(peers(5, 1, 1))
    turns = _names(guide, 10)
    assert sorted(turns) == list("1112223344")
    assert all(one != two for one, two in itertools.pairwise(turns))
    assert _names(example, 7) == list("1121311")


def _names(balance: SmoothWeights, count: int) -> list[str]:
    return [peer.name.removeprefix("asr-") for _ in range(count) if (peer := balance.choose([])) is not None]


def test_a_peer_that_is_down_is_passed_over() -> None:
    """By both; where all are down nobody is chosen."""
    three = peers(1, 1, 1)
    for balance in (SmoothWeights(three), LeastConnections(three)):
        assert balance.choose(three[:2]) is three[2]
        assert balance.choose(three) is None


def run_with(arm: str, fault: str, *arrivals: float) -> Row:
    """Clips of five seconds on two instances at real time, with a fault."""
    workload = tuple(Arrival(at_s=at_s, audio_s=5.0) for at_s in arrivals)
    scenario = Scenario(workload=workload, instances=2, rtfx=1.0, faults=(read_fault(fault, instances=2),))
    return run_arm(scenario, arm)


def test_what_was_sent_to_an_instance_that_dies_fails_and_what_comes_after_goes_elsewhere() -> None:
    """A request that was sent is not sent again; a refused connection goes to the next peer."""
    row = run_with(NGINX_LEAST, "kill:1@2", 0.0, 1.0, 3.0, 4.0)
    assert (row.failures, row.recordings) == (1, 4)


def test_what_was_sent_to_an_instance_that_hangs_fails_after_the_time_out() -> None:
    """Five minutes, as the guide sets it."""
    row = run_with(NGINX_WEIGHTED, "stop:1@2", 0.0)
    assert row.failures == 1
    assert row.simulated_s == pytest.approx(READ_TIMEOUT_S, abs=1.0)


def test_an_answer_that_takes_longer_than_the_time_out_is_a_failure() -> None:
    """Also where the instance only has too much to do."""
    scenario = Scenario(workload=(Arrival(at_s=0.0, audio_s=301.0), Arrival(at_s=0.0, audio_s=5.0)), rtfx=1.0)
    assert run_arm(scenario, NGINX_LEAST).failures == 1
