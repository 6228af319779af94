"""One comparison: the same arrivals through each arm, on a fleet of its own.

Owns the scenario and the run of an arm, not what happens in it. Invariant: all arms get the same arrivals, instances
and faults; only who places the work differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from harken.bench.faults import Fault, plan
from harken.bench.instance import VirtualInstance
from harken.bench.pulling import Gateway
from harken.bench.pushing import LeastConnections, Peer, Proxy, SmoothWeights
from harken.bench.score import Row, Score
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival, Workload
from harken.config import DispatchConfig, FleetConfig, LimitsConfig
from harken.dispatch.targets.choice import policy_named
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.vitals import Patience
from harken.engine.stub_work import speedup
from harken.transcribe.spread import pieces_at_once

GUIDE_WEIGHTS = (3.0, 3.0, 2.0, 2.0)
"""Of the deployment guide's four instances; a larger fleet repeats them."""

NGINX_WEIGHTED, NGINX_LEAST = "nginx, weights 3:3:2:2", "nginx, least_conn"

_SEED = 4
"""Of the chance in a policy; the workload has its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What all arms have in common.

    Attributes:
        workload: what comes.
        instances: how many.
        slots: of each.
        rtfx: audio-seconds per second of one segment alone on an instance.
        faults: what happens to instances.
        weights: of the instances in Harken's weighted arms; empty for the guide's.
        restart_s: how long a lost instance takes to be back.
        warm_up_s: recordings before are left out of the latencies.
        limits: of Harken's arms.
        fleet: looks at instances.
        dispatch: of Harken's arms; each arm has its own `policy`.
    """

    workload: Workload
    instances: int = 4
    slots: int = 32
    rtfx: float = 100.0
    faults: tuple[Fault, ...] = ()
    weights: tuple[float, ...] = ()
    restart_s: float = 10.0
    warm_up_s: float = 0.0
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    fleet: FleetConfig = field(default_factory=FleetConfig)
    dispatch: DispatchConfig = field(default_factory=DispatchConfig)


class Arm(Protocol):
    """Who places the work."""

    @property
    def is_busy(self) -> bool:
        """Some recording has not ended."""
        ...

    def submit(self, arrival: Arrival) -> None:
        """A recording has come."""
        ...

    def look(self) -> None:
        """Some time has passed."""
        ...

    def hung(self, instance: VirtualInstance) -> None:
        """An instance has stopped."""
        ...

    def killed(self, name: str) -> None:
        """An instance has died."""
        ...


def capacity(*, instances: int, slots: int, rtfx: float) -> float:
    """Audio-seconds per second that such a fleet does at most."""
    return instances * rtfx * speedup(slots)


def run_arm(scenario: Scenario, name: str, *, on_arrival: Callable[[], None] = lambda: None) -> Row:
    """Simulate one arm: `NGINX_WEIGHTED`, `NGINX_LEAST`, or Harken with a policy of `dispatch.choice`.

    Args:
        scenario: what comes, and to whom.
        name: of the arm.
        on_arrival: called whenever a recording has come, for those who show how far it is.

    Raises:
        ConfigError: there is no such arm.
    """
    started = time.perf_counter()
    timeline, score = Timeline(), Score(scenario.warm_up_s)
    instances = [
        VirtualInstance(f"asr-{number}", slots=scenario.slots, rtfx=scenario.rtfx, timeline=timeline)
        for number in range(1, scenario.instances + 1)
    ]
    arm = make_arm(name, scenario, instances, timeline, score)
    plan(scenario.faults, instances, arm, timeline)
    feed = Feed(
        iter(scenario.workload), arm, timeline, interval_s=scenario.fleet.probe_interval_s, on_arrival=on_arrival
    )
    feed.start()
    timeline.run()
    return score.row(name, simulated_s=feed.ended_at, took_s=time.perf_counter() - started)


class Feed:
    """Sends the arrivals, and has the arm look around until the last recording has ended.

    Args:
        arrivals: in their order.
        arm: gets them.
        timeline: when things happen.
        interval_s: between two looks.
        on_arrival: called after each arrival.
    """

    def __init__(
        self,
        arrivals: Iterator[Arrival],
        arm: Arm,
        timeline: Timeline,
        *,
        interval_s: float,
        on_arrival: Callable[[], None] = lambda: None,
    ) -> None:
        self.ended_at = 0.0
        self._arrivals = arrivals
        self._arm = arm
        self._timeline = timeline
        self._interval_s = interval_s
        self._on_arrival = on_arrival
        self._next: Arrival | None = None

    def start(self) -> None:
        """Plan the first arrival and the first look."""
        self._plan()
        self._look()

    def _plan(self) -> None:
        self._next = next(self._arrivals, None)
        if self._next is not None:
            self._timeline.at(self._next.at_s, self._submit)

    def _submit(self) -> None:
        assert self._next is not None, "only what was planned happens"
        self._arm.submit(self._next)
        self._on_arrival()
        self._plan()

    def _look(self) -> None:
        self._arm.look()
        if self._next is not None or self._arm.is_busy:
            self._timeline.after(self._interval_s, self._look)
        else:
            self.ended_at = self._timeline.now()


def make_pool(scenario: Scenario, policy: str, timeline: Timeline, on_change: Callable[[], None]) -> Pool:
    """Build the pool that the gateway's dispatcher would build, with the virtual clock."""
    patience = Patience(missed_looks=scenario.fleet.probe_failures, eject_share=scenario.dispatch.eject_share)
    return Pool(
        patience,
        clock=timeline,
        on_change=on_change,
        policy=policy_named(policy, Random(_SEED)),  # noqa: S311 -- no secret
        bulk_policy=policy_named(policy, Random(_SEED)),  # noqa: S311 -- no secret
    )


def make_arm(
    name: str, scenario: Scenario, instances: Sequence[VirtualInstance], timeline: Timeline, score: Score
) -> Arm:
    """Put an arm in front of instances.

    Raises:
        ConfigError: there is none of that name.
    """
    by_name = {instance.name: instance for instance in instances}
    weights = {instance.name: GUIDE_WEIGHTS[place % len(GUIDE_WEIGHTS)] for place, instance in enumerate(instances)}
    if name in (NGINX_WEIGHTED, NGINX_LEAST):
        peers = [Peer(instance, weights[instance.name]) for instance in instances]
        return Proxy(
            instances=by_name,
            peers=peers,
            balance=SmoothWeights(peers) if name == NGINX_WEIGHTED else LeastConnections(peers),
            timeline=timeline,
            score=score,
            restart_s=scenario.restart_s,
        )
    gateway = Gateway(
        instances=by_name,
        make_pool=lambda on_change: make_pool(scenario, name, timeline, on_change),
        limits=scenario.limits,
        spread=pieces_at_once(scenario.limits.segments_in_flight, scenario.slots),
        fleet=scenario.fleet,
        timeline=timeline,
        score=score,
        restart_s=scenario.restart_s,
    )
    if scenario.weights:
        weights = dict(zip(by_name, scenario.weights, strict=True))
    gateway.owner.start(weights if name.startswith("weighted") else {})
    return gateway
