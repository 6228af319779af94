"""What is compared: who stands in front of the four instances, and how an instance treats one recording.

The deployment guide's own instance transcribes a recording in one pass after another. Ours would cut a long recording
and recognise eight pieces at once even alone, so instances are told to take one piece of a request at a time, except in
the arms that end in "_8". The gateway is the same in both: it asks instances for segments, not for recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.dispatch.nginx import GUIDE_TIMEOUT_S, GUIDE_WEIGHTS, Balancing
from benchmarks.dispatch.servers import House, Server
from harken.config import CacheConfig
from harken.engine.stub_work import speedup

SLOTS = 32
INSTANCES = 4
TABLE_RTFX = 67.0
"""Of one segment alone in the batching curve's source, the technical report's Table 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to run the cluster.

    Attributes:
        name: on the command line and in the results.
        label: in the table.
        balancing: nginx's; None for Harken's gateway.
        pieces: of one request that an instance recognises at the same time.
        has_one_load: only of interest beside the others, at the load nearest to 90 %.
    """

    name: str
    label: str
    balancing: Balancing | None
    pieces: int = 1
    has_one_load: bool = False


_LEAST = Balancing(is_least_conn=True)
_GUIDE = Balancing(weights=GUIDE_WEIGHTS)

ARMS = {
    arm.name: arm
    for arm in (
        Arm(name="guide", label="nginx as in the guide (weights 3, 3, 2, 2)", balancing=_GUIDE),
        Arm(name="round_robin", label="nginx, equal weights", balancing=Balancing(), has_one_load=True),
        Arm(name="least_conn", label="nginx least_conn", balancing=_LEAST),
        Arm(name="harken", label="Harken", balancing=None),
        Arm(
            name="guide_8",
            label="nginx as in the guide, splitting instances",
            balancing=_GUIDE,
            pieces=8,
            has_one_load=True,
        ),
        Arm(
            name="least_conn_8",
            label="nginx least_conn, splitting instances",
            balancing=_LEAST,
            pieces=8,
            has_one_load=True,
        ),
    )
}


def capacity(rtfx: float) -> float:
    """Audio-seconds per second of all instances with every slot in use."""
    return INSTANCES * rtfx * speedup(SLOTS)


def start_instances(house: House, arm: Arm, rtfx: float, *, slow: int = 0) -> list[Server]:
    """Start the four instances that an arm needs.

    Args:
        house: where they live.
        arm: who will use them.
        rtfx: audio-seconds per second of one segment alone.
        slow: how many of them, the last ones, have half that speed.
    """
    names = [f"asr-{number}" for number in range(1, INSTANCES + 1)]
    return [
        house.instance(name, rtfx=rtfx / 2 if place >= INSTANCES - slow else rtfx, slots=SLOTS, in_flight=arm.pieces)
        for place, name in enumerate(names)
    ]


def start_front(house: House, arm: Arm, instances: Sequence[Server], rtfx: float) -> Server:
    """Start what an arm puts in front of running instances.

    The stubs are slower than the machine that the guide's 300 s were meant for; nginx gets that much more time, so that
    it is never blamed for the benchmark's slow motion. The gateway keeps its defaults.
    """
    if arm.balancing is None:
        return house.gateway(instances, cache_bytes=str(CacheConfig().bytes))
    return house.nginx(instances, arm.balancing, timeout_s=GUIDE_TIMEOUT_S * max(1.0, TABLE_RTFX / rtfx))
