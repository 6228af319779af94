"""How the instances on this machine are laid out: names, ports, threads, devices, and how many may start at once.

Pure: the configuration and what the machine has in, one `InstanceConfig` for each instance out. Also how such a
configuration travels to a child: as `HARKEN_*` variables, because they reach every key and nothing in a file or in the
parent's surroundings can then change what the fleet decided.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence

from harken.config import Config, InstanceConfig
from harken.fleet.machine import Machine
from harken.fleet.placing import CPU, deal, group_of, memory_shares, parse_devices

COMMAND = (sys.executable, "-P", "-m", "harken", "serve", "--supervised")
"""Starts one instance; -P: nothing in the working directory can take the place of a module."""


def plan(config: Config, machine: Machine) -> tuple[InstanceConfig, ...]:
    """Lay out `fleet.instances` instances.

    Port 0 for the first means port 0 for all: each takes a free one and announces it. With `threads` 0 the cores are
    shared evenly, at least one each. Instances of one device divide the share of its memory.

    Raises:
        ConfigError: `fleet.devices` makes no sense here.
    """
    fleet = config.fleet
    threads = config.instance.threads or max(1, machine.cores // fleet.instances)
    devices = deal(parse_devices(fleet.devices, machine.gpus) or (config.instance.device,), fleet.instances)
    groups = [group_of(device, has_gpu=machine.has_gpu) for device in devices]
    shares = memory_shares(config.instance.memory_share, groups)
    return tuple(
        dataclasses.replace(
            config.instance,
            name=f"asr-{number + 1}",
            host=fleet.host,
            port=fleet.first_port + number if fleet.first_port else 0,
            threads=threads,
            device=device,
            memory_share=share,
        )
        for number, (device, share) in enumerate(zip(devices, shares, strict=True))
    )


def groups_of(instances: Sequence[InstanceConfig], machine: Machine) -> dict[str, str]:
    """Tell of each instance, by its name, with whom it shares its fate: see `placing.group_of`."""
    return {one.name: group_of(one.device, has_gpu=machine.has_gpu) for one in instances}


def starts_at_once(group: str, machine: Machine) -> int:
    """How many instances of a group (see `placing.group_of`) may load at the same time.

    On a GPU one after another: memory is budgeted by what is free when an instance starts, and two that look at once
    would both count the same bytes. On the CPU as many as there are cores.
    """
    return machine.cores if group == CPU else 1


def variables(instance: InstanceConfig, config: Config, surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one instance's process.

    Args:
        instance: what the plan says of it.
        config: for the limits, the folder of models and the log level; its log is JSON, which we read and pass on.
        surroundings: our own environment; its `HARKEN_*` variables are meant for us and left out.
    """
    theirs = {name: value for name, value in surroundings.items() if not name.startswith("HARKEN_")}
    log = dataclasses.replace(config.log, format="json")
    passed = (("instance", instance), ("limits", config.limits), ("models", config.models), ("log", log))
    for section, values in passed:
        for part in dataclasses.fields(values):
            theirs[f"HARKEN_{section}_{part.name}".upper()] = str(getattr(values, part.name))
    # The gateway is the door: what outlives a request is kept by it alone, and who may come in is asked there.
    theirs["HARKEN_JOBS_IS_ENABLED"] = "false"
    theirs["HARKEN_AUTH_KEYS"] = "off"
    # Nothing comes twice to an instance that the gateway knows already.
    theirs["HARKEN_CACHE_BYTES"] = "0"
    return theirs
