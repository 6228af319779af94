"""How the instances on this machine are laid out: names, ports, threads, and how many may start at once.

Pure: the configuration and what the machine has in, one `InstanceConfig` for each instance out. Also how such a
configuration travels to a child: as `HARKEN_*` variables, because they reach every key and nothing in a file or in the
parent's surroundings can then change what the fleet decided.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from harken.config import Config, InstanceConfig

COMMAND = (sys.executable, "-P", "-m", "harken", "serve", "--supervised")
"""Starts one instance; -P: nothing in the working directory can take the place of a module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What matters of a machine.

    Attributes:
        cores: CPU cores that this process may use.
        has_gpu: an accelerator that `device = "auto"` would take.
    """

    cores: int
    has_gpu: bool


def this_machine() -> Machine:
    """Look at the machine that we are on, without loading torch."""
    has_affinity = sys.platform.startswith("linux")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return Machine(cores=cores, has_gpu=shutil.which("nvidia-smi") is not None or sys.platform == "darwin")


def plan(config: Config, machine: Machine) -> tuple[InstanceConfig, ...]:
    """Lay out `fleet.instances` instances.

    Port 0 for the first means port 0 for all: each takes a free one and announces it. With `threads` 0 the cores are
    shared evenly, at least one each.
    """
    fleet = config.fleet
    threads = config.instance.threads or max(1, machine.cores // fleet.instances)
    return tuple(
        dataclasses.replace(
            config.instance,
            name=f"asr-{number + 1}",
            host=fleet.host,
            port=fleet.first_port + number if fleet.first_port else 0,
            threads=threads,
        )
        for number in range(fleet.instances)
    )


def starts_at_once(config: Config, machine: Machine) -> int:
    """How many instances may load at the same time.

    On a GPU one after another: memory is budgeted by what is free when an instance starts, and two that look at once
    would both count the same bytes. On a CPU as many as there are cores.
    """
    device = config.instance.device
    is_cpu = device == "cpu" or (device == "auto" and not machine.has_gpu)
    return machine.cores if is_cpu else 1


def variables(instance: InstanceConfig, config: Config, surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one instance's process.

    Args:
        instance: what the plan says of it.
        config: for the limits and the log level; its log is JSON, which we read and pass on.
        surroundings: our own environment; its `HARKEN_*` variables are meant for us and left out.
    """
    theirs = {name: value for name, value in surroundings.items() if not name.startswith("HARKEN_")}
    log = dataclasses.replace(config.log, format="json")
    for section, values in (("instance", instance), ("limits", config.limits), ("log", log)):
        for part in dataclasses.fields(values):
            theirs[f"HARKEN_{section}_{part.name}".upper()] = str(getattr(values, part.name))
    # The gateway is the door: what outlives a request is kept by it alone, and who may come in is asked there.
    theirs["HARKEN_JOBS_IS_ENABLED"] = "false"
    theirs["HARKEN_AUTH_KEYS"] = "off"
    # Nothing comes twice to an instance that the gateway knows already.
    theirs["HARKEN_CACHE_BYTES"] = "0"
    return theirs
