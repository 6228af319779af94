"""Several gateways for tests: started at once with one configuration, over instances that are told by address.

All are real processes. What they share (a Redis, a PostgreSQL) is the test's: it is told in the flags.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
        config: the file of all gateways.
        logs: where each gateway's log goes.
    """

    gateways: list[Cluster] = field(default_factory=list)
    instances: list[str] = field(default_factory=list)
    config: Path = Path()
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
def several_gateways(folder: Path, page: Path, places: Mapping[str, str], *flags: str) -> Iterator[Several]:
    """Run three gateways over two instances, all started at once by a page's example; wait until all are ready.

    Args:
        folder: for the configuration and the gateways' logs.
        page: has the configuration in a block of TOML, where the instances are http://gpu-1:7861 and http://gpu-2:7861.
        places: addresses in the example → those of this test.
        flags: of each of them, beside that.
    """
    own = ("--model", STUB, "--set", "auth.keys=off", "--set", "jobs.is_enabled=false")
    several = Several()
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        names = ("gpu-1", "gpu-2")
        instances = [running_instance(*own, "--set", f"instance.name={name}") for name in names]
        several.instances = list(pool.map(stack.enter_context, instances))
        (example,) = re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        told = {f"http://{name}:7861": url for name, url in zip(names, several.instances, strict=True)}
        for there, here in {**told, **places}.items():
            assert there in example, f"{page} does not speak of {there}"
            example = example.replace(there, here)
        several.config = folder / "harken.toml"
        several.config.write_text(example, encoding="utf-8")
        several.logs = [folder / f"gateway-{number}.log" for number in range(3)]
        logs = [stack.enter_context(log.open("wb")) for log in several.logs]
        starting = [running_cluster("--config", str(several.config), *flags, log=log) for log in logs]
        several.gateways = list(pool.map(stack.enter_context, starting))
        for one in several.gateways:
            one.wait_ready(len(names))
        yield several
