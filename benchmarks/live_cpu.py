"""What the processes of a cluster take of a CPU; for `benchmarks.live`."""

from __future__ import annotations

import os

import psutil

from tests.cluster import Cluster


class Cpu:
    """What the processes of a cluster have taken of a CPU, in seconds."""

    def __init__(self, cluster: Cluster) -> None:
        self._gateway = psutil.Process(cluster.process.pid)
        health = cluster.health()
        self._instances = [psutil.Process(one["pid"]) for one in health["instances"]]
        self._self = psutil.Process(os.getpid())

    def now(self) -> dict[str, float]:
        """So far."""
        return {
            "gateway": _taken(self._gateway),
            "instances": sum(map(_taken, self._instances)),
            "client": _taken(self._self),
        }


def _taken(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
