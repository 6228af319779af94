"""A real cluster for tests: `harken up` as a process, on free ports, gone afterwards with all its children."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any

import httpx
import psutil

PATIENCE_S = 90.0

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, for http://. Without it httpx reads all of the machine's certificates for each call: 30 ms of CPU that
a test which looks again and again takes from those it looks at."""


@dataclass
class Cluster:
    """A running `harken up`.

    Attributes:
        url: the gateway's address.
        process: the gateway's process.
        seen: process ids of all instances that were ever seen.
    """

    url: str
    process: subprocess.Popen[str]
    seen: set[int] = field(default_factory=set)

    def health(self) -> dict[str, Any]:
        """The gateway's answer to /health, ready or not."""
        answer: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=10, verify=PLAIN).json()
        self.seen |= {one["pid"] for one in answer["instances"] if one["pid"]}
        return answer

    def wait_ready(self, instances: int, *, without: frozenset[int] = frozenset()) -> dict[str, Any]:
        """Wait until so many instances are ready, none of them in a process of `without`."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the gateway is gone"
            health = self.health()
            ready = [one for one in health["instances"] if one["state"] == "ready"]
            if len(ready) >= instances and not without & {one["pid"] for one in ready}:
                return health
            time.sleep(0.1)  # between two looks; the readiness itself ends the wait
        raise AssertionError(f"not ready after {PATIENCE_S} s: {health}")


@contextmanager
def running_cluster(*flags: str, env: dict[str, str] | None = None, log: IO[bytes] | None = None) -> Iterator[Cluster]:
    """Run `harken up`; whatever happens, nothing of it is left afterwards. Its log goes to `log`, else to ours."""
    command = [sys.executable, "-m", "harken", "up", "--port", "0", "--first-port", "0", *flags]
    # Tests send the same few recordings again and again, and mean each of them to be recognised.
    surroundings = {**os.environ, "HARKEN_CACHE_BYTES": "0", **(env or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=surroundings) as process:
        try:
            assert process.stdout is not None
            announced = json.loads(process.stdout.readline())
            cluster = Cluster(url=announced["url"], process=process)
            yield cluster
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            process.wait(10)
    assert_gone(cluster.seen)


def assert_gone(pids: set[int]) -> None:
    """Wait for the end of processes that should be ending; the test fails when one stays."""
    found = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    _, alive = psutil.wait_procs(found, timeout=15)
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not alive, f"left behind: {alive}"
