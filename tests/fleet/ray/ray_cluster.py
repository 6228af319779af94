"""A Ray cluster on this machine, and what tests look for in it: raylets at addresses of their own, and instances."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

PATIENCE_S = 60.0


class RayCluster:
    """A running cluster.

    Args:
        control: the process that has it.

    Attributes:
        address: of its head.
        raylets: by the node's address.
    """

    def __init__(self, control: subprocess.Popen[str]) -> None:
        self._control = control
        told = self._read()
        self.address: str = told["address"]
        self.head: dict[str, int] = told
        self.raylets: dict[str, int] = {"127.0.0.2": told["raylet"]}

    def add(self, address: str, cpus: int = 1) -> None:
        """Start a node."""
        assert self._control.stdin is not None
        self._control.stdin.write(f"add {address} {cpus}\n")
        self._control.stdin.flush()
        self.raylets[address] = self._read()["raylet"]

    def kill(self, address: str) -> None:
        """End a node as a power cut does: the raylet, its workers, and what runs in them."""
        raylet = psutil.Process(self.raylets.pop(address))
        for process in (raylet, *raylet.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def instances(self) -> dict[int, str]:
        """The processes of instances that run on its nodes, with the node's address."""
        found: dict[int, str] = {}
        for address, pid in self.raylets.items():
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if process.cmdline()[-2:] == ["serve", "--supervised"]:
                            found[process.pid] = address
        return found

    def hosts(self) -> list[int]:
        """The actors that hold instances."""
        found = []
        for pid in self.raylets.values():
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Host"):
                            found.append(process.pid)
        return found

    def is_empty(self) -> bool:
        """No instance, and no actor of one, is left."""
        return not self.instances() and not self.hosts()

    def _read(self) -> dict[str, Any]:
        assert self._control.stdout is not None
        told: dict[str, Any] = json.loads(self._control.stdout.readline())
        return told


@contextmanager
def running_ray(env: Mapping[str, str] | None = None, *, cpus: int = 0) -> Iterator[RayCluster]:
    """A cluster whose head has so much room, none for anybody at first; gone afterwards."""
    # Not a folder of pytest's: a socket's path may have 107 characters, and Ray makes long ones.
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        yield from _running(folder, env or {}, cpus)


def _running(folder: str, more: Mapping[str, str], cpus: int) -> Iterator[RayCluster]:
    script = Path(__file__).parent / "ray_nodes.py"
    env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": folder, **more}
    with subprocess.Popen(
        [sys.executable, str(script), str(cpus)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as control:
        try:
            yield RayCluster(control)
        finally:
            children = psutil.Process(control.pid).children(recursive=True)
            control.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGKILL)
            psutil.wait_procs(children, timeout=10)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something, looking now and then; return what was found."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)  # between two looks
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")
