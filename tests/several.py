"""Several gateways for tests: started at once with one configuration, over instances that are told by address.

All are real processes. What they share (a Redis, a PostgreSQL) is the test's: it is told in the flags.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import Cluster, running_cluster

STUB = "stub:rtfx=8,max_segment_s=3"
PATIENCE_S = 60.0


@dataclass
class Several:
    """Gateways over the same instances.

    Attributes:
        gateways: running ones.
        instances: addresses of the instances.
        logs: where each gateway's log goes.
    """

    gateways: list[Cluster] = field(default_factory=list)
    instances: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """Addresses of the gateways."""
        return [one.url for one in self.gateways]


@contextmanager
def running_instance(*flags: str) -> Iterator[str]:
    """Run `harken serve`; give its address."""
    command = [sys.executable, "-m", "harken", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


@contextmanager
def several_gateways(folder: Path, *flags: str, gateways: int = 3) -> Iterator[Several]:
    """Run so many gateways over two instances, all started at once; wait until all are ready.

    Args:
        folder: for their logs.
        flags: of each of them.
        gateways: how many.
    """
    own = ("--model", STUB, "--set", "auth.keys=off", "--set", "jobs.is_enabled=false")
    several = Several()
    with ExitStack() as stack, ThreadPoolExecutor(gateways) as pool:
        names = ("far-1", "far-2")
        instances = [running_instance(*own, "--set", f"instance.name={name}") for name in names]
        several.instances = list(pool.map(stack.enter_context, instances))
        told = zip(several.instances, names, strict=True)
        upstreams = [word for url, name in told for word in ("--upstream", f"{url}#name={name}")]
        several.logs = [folder / f"gateway-{number}.log" for number in range(gateways)]
        logs = [stack.enter_context(log.open("wb")) for log in several.logs]
        starting = [running_cluster(*upstreams, *flags, log=log) for log in logs]
        several.gateways = list(pool.map(stack.enter_context, starting))
        for one in several.gateways:
            one.wait_ready(len(names))
        yield several
