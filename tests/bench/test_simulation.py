"""The whole: the same objects as in production, figures that a hand can check, and arms that differ as they should."""

from __future__ import annotations

import pytest

from harken.bench.faults import read_fault
from harken.bench.pulling import Gateway
from harken.bench.score import Row, Score
from harken.bench.simulation import NGINX_LEAST, NGINX_WEIGHTED, Scenario, capacity, make_arm, run_arm
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival, Drawn
from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.desk import Desk
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.order.pace import Pace
from harken.dispatch.order.queue import Queue
from harken.dispatch.order.room import Room
from harken.dispatch.targets.choice import POLICY_NAMES
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.vitals import Patience
from harken.errors import ConfigError

ARMS = (NGINX_WEIGHTED, NGINX_LEAST, *POLICY_NAMES)


def scenario_of(*arrivals: tuple[float, float], instances: int = 1, slots: int = 32, rtfx: float = 1.0) -> Scenario:
    """Recordings by arrival and length."""
    workload = tuple(Arrival(at_s=at_s, audio_s=audio_s) for at_s, audio_s in arrivals)
    return Scenario(workload=workload, instances=instances, slots=slots, rtfx=rtfx)


def drawn(load: float, *, count: int = 4000, faults: tuple[str, ...] = (), seed: int = 1) -> Scenario:
    """A smaller version of the benchmark's work on four instances."""
    best = capacity(instances=4, slots=32, rtfx=100.0)
    return Scenario(
        workload=Drawn(count=count, audio_s_per_s=load * best, seed=seed),
        faults=tuple(read_fault(fault, instances=4) for fault in faults),
    )


def test_the_simulator_decides_with_the_very_objects_of_the_gateway() -> None:
    """What the desks are made of is the same, class by class: no copies, no children, and nothing replaced in them."""
    arm = make_arm("auto", drawn(0.5), [], Timeline(), Score())
    assert isinstance(arm, Gateway)
    ours = _parts(arm.desk)
    assert ours == _parts(Dispatcher(LimitsConfig(), FleetConfig())._waiting._desk)
    assert {Desk, Queue, Room, Pool, Pace, Patience} <= set(ours)


def _parts(thing: object, seen: set[int] | None = None) -> list[type]:
    """The classes of the dispatcher's objects of which something is made, in the order of their attributes."""
    seen = set() if seen is None else seen
    if id(thing) in seen or not type(thing).__module__.startswith("harken.dispatch"):
        return []
    seen.add(id(thing))
    slots = {name: getattr(thing, name) for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)}
    own = {**slots, **getattr(thing, "__dict__", {})}
    replaced = [name for name in own if callable(getattr(type(thing), name, None)) and name not in slots]
    assert not replaced, f"{type(thing)} has its own {replaced}"
    return [type(thing), *(part for value in own.values() for part in _parts(value, seen))]


@pytest.mark.parametrize("arm", ARMS)
def test_one_clip_alone_takes_its_length_by_the_speed(arm: str) -> None:
    """Ten seconds at twice real time are five seconds, whoever places it."""
    row = run_arm(scenario_of((0.0, 10.0), rtfx=2.0), arm)
    assert row.short_p50_s == row.short_p99_s == pytest.approx(5.0)
    assert (row.recordings, row.failures, row.decisions) == (1, 0, 1)


@pytest.mark.parametrize("arm", ["auto", NGINX_LEAST])
def test_two_clips_share_an_instance_by_its_curve(arm: str) -> None:
    """Two at a time do 1.65 times as much as one, so each gets 0.825: 10 s and 20 s end after 12.12 s and 22.12 s.

    By hand: the first ends at 10 / 0.825 = 12.12 s. The second has had 10 s by then, and does the other 10 s alone.
    """
    row = run_arm(scenario_of((0.0, 10.0), (0.0, 20.0)), arm)
    assert row.short_p50_s == pytest.approx(10 / 0.825)
    assert row.short_p99_s == pytest.approx(10 / 0.825 + 10)


def test_a_long_recording_is_spread_over_the_fleet() -> None:
    """Two minutes are four segments: side by side on four instances 30 s, whole on one instance 120 s."""
    scenario = scenario_of((0.0, 120.0), instances=4)
    pulled, pushed = (run_arm(scenario, arm) for arm in ("auto", NGINX_LEAST))
    assert (pulled.decisions, pushed.decisions) == (4, 1)
    assert pulled.medium_p95_s == pytest.approx(30.0)
    assert pushed.medium_p95_s == pytest.approx(120.0)


def test_at_most_so_many_segments_of_a_recording_are_in_flight() -> None:
    """Twenty segments at eight a time are three rounds, with slots for all of them; wide instances get sixteen."""
    assert run_arm(scenario_of((0.0, 600.0), instances=20, slots=8), "auto").long_p95_s == pytest.approx(90.0)
    assert run_arm(scenario_of((0.0, 600.0), instances=20, slots=32), "auto").long_p95_s == pytest.approx(60.0)


def test_a_queue_in_the_gateway_is_in_order_and_one_in_an_instance_is_not() -> None:
    """One slot, a long file first: the clip that comes next waits for one segment at the gateway, for all in nginx."""
    scenario = scenario_of((0.0, 150.0), (1.0, 5.0), slots=1, rtfx=10.0)
    assert run_arm(scenario, "auto").short_p50_s == pytest.approx(3.0 + 0.5 - 1.0)
    assert run_arm(scenario, NGINX_LEAST).short_p50_s == pytest.approx(15.0 + 0.5 - 1.0)


def test_the_same_seed_gives_the_same_figures() -> None:
    """To the last digit, but for the time it took."""
    one, two = (run_arm(drawn(0.8, count=500), "power_of_two") for _ in range(2))
    assert _figures(one) == _figures(two)
    assert _figures(one) != _figures(run_arm(drawn(0.8, count=500, seed=2), "power_of_two"))


def _figures(row: Row) -> tuple[object, ...]:
    return row.short_p50_s, row.short_p99_s, row.long_p95_s, row.queue_max_audio_s, row.simulated_s


@pytest.mark.slow
@pytest.mark.parametrize("load", [0.9, 0.97])
def test_long_files_are_served_several_times_faster_than_by_nginx(load: float) -> None:
    """And short clips no worse than where connections are counted, far better than where they are not."""
    pulled, counted, weighted = (run_arm(drawn(load), arm) for arm in ("auto", NGINX_LEAST, NGINX_WEIGHTED))
    for row in (pulled, counted, weighted):
        assert (row.recordings, row.failures) == (4000, 0)
    assert pulled.long_p95_s is not None
    assert pulled.short_p99_s is not None
    assert pulled.long_p95_s * 3 < (counted.long_p95_s or 0.0)
    assert pulled.short_p99_s * 3 < (weighted.short_p99_s or 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill:2@10", "stop:2@10+30", "stop:2@10", "half:2@10"])
def test_no_accepted_recording_fails_whatever_happens_to_one_instance(fault: str) -> None:
    """What ran there is done elsewhere; nginx loses what it had sent there."""
    scenario = drawn(0.6, faults=(fault,))
    assert run_arm(scenario, "auto").failures == 0
    if fault.startswith("kill"):
        assert run_arm(scenario, NGINX_LEAST).failures > 0


def test_an_unknown_arm_is_an_error() -> None:
    """With the likely one."""
    with pytest.raises(ConfigError, match="fewest_in_flight"):
        run_arm(scenario_of((0.0, 1.0)), "fewest_inflight")
