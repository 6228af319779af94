"""How the instances on this machine are laid out: names, ports, threads, devices, and how many may start at once.

Pure: the configuration and what the machine has in, one `InstanceConfig` for each instance out. Also how such a
configuration travels to a child: as `HARKEN_*` variables, because they reach every key and nothing in a file or in the
parent's surroundings can then change what the fleet decided.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harken.config import Config, InstanceConfig
from harken.fleet.cores import assign_cores
from harken.fleet.machine import Machine
from harken.fleet.placing import CPU, group_of, memory_shares, parse_devices, spread
from harken.machine.cores import write_cores

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

COMMAND = (sys.executable, "-P", "-m", "harken", "serve", "--supervised")
"""Starts one instance; -P: nothing in the working directory can take the place of a module."""


def plan(config: Config, machine: Machine) -> tuple[InstanceConfig, ...]:
    """Lay out `fleet.instances` instances.

    Raises:
        ConfigError: `fleet.devices` makes no sense here.
    """
    places = places_of(config, machine, config.fleet.instances)
    divided = divide(places, config, machine)
    return tuple(lay(number, device, config, machine, divided) for number, device in enumerate(places, start=1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Divided:
    """What the instances that a fleet begins with share.

    Attributes:
        memory: the part of a device's memory that each of its instances may use, by `placing.group_of`.
        threads: of each.
        cores: of each, where they are kept on some; () where they are not.
    """

    memory: Mapping[str, float]
    threads: int
    cores: tuple[str, ...] = ()


def divide(places: Sequence[str], config: Config, machine: Machine) -> Divided:
    """Divide memory and cores evenly, at least a core each.

    Memory is divided among as many as an autoscaler may start: what the first ones took, later ones would lack. Cores
    are not: they are nobody's for good.

    Args:
        places: the devices of the instances that the fleet begins with.
        config: of the whole fleet.
        machine: cores and accelerators.
    """
    planned = max(1, len(places))
    most = config.autoscale.max if config.autoscale.mode == "on" else 0
    all_places = places if most <= len(places) else places_of(config, machine, most)
    groups = [group_of(one, has_gpu=machine.has_gpu) for one in all_places]
    threads = config.instance.threads or max(1, machine.cores // planned)
    assigned: tuple[tuple[int, ...], ...] = ()
    if config.fleet.pins_cores:
        assigned = assign_cores(machine.core_numbers, planned, threads, machine.core_nodes)
    return Divided(
        memory=dict(zip(groups, memory_shares(config.instance.memory_share, groups), strict=True)),
        threads=threads,
        cores=tuple(write_cores(cores) for cores in assigned),
    )


def places_of(config: Config, machine: Machine, instances: int) -> tuple[str, ...]:
    """Choose a device for each of so many instances: by free memory, as far as that is known, else in turn.

    Raises:
        ConfigError: `fleet.devices` makes no sense here.
    """
    return spread(devices_of(config, machine), instances, machine.free_bytes)


def devices_of(config: Config, machine: Machine) -> tuple[str, ...]:
    """What instances are placed on; at least one.

    Raises:
        ConfigError: `fleet.devices` makes no sense here.
    """
    return parse_devices(config.fleet.devices, machine.gpus) or (config.instance.device,)


def lay(number: int, device: str, config: Config, machine: Machine, divided: Divided) -> InstanceConfig:
    """Lay out one instance.

    Port 0 for the first means port 0 for all: each takes a free one and announces it. One that comes later than those
    that were planned has as much memory as the others, and takes fewer slots where less is left; it shares the cores of
    an earlier one.

    Args:
        number: its own, from 1 on.
        device: where it goes.
        config: of the whole fleet.
        machine: cores and accelerators.
        divided: what each of those has that the fleet begins with.
    """
    fleet, cores = config.fleet, divided.cores
    return dataclasses.replace(
        config.instance,
        name=name_of(number),
        host=fleet.host,
        port=fleet.first_port + number - 1 if fleet.first_port else 0,
        threads=divided.threads,
        cores=cores[(number - 1) % len(cores)] if cores else config.instance.cores,
        device=device,
        memory_share=divided.memory.get(group_of(device, has_gpu=machine.has_gpu), config.instance.memory_share),
    )


def name_of(number: int) -> str:
    """What the instance of a number is called, from 1 on."""
    return f"asr-{number}"


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
    passed = (
        ("instance", instance),
        ("limits", config.limits),
        ("models", config.models),
        ("log", log),
        ("traces", config.traces),
    )
    for section, values in passed:
        theirs |= section_variables(section, values)
    # The gateway is the door: what outlives a request is kept by it alone, and who may come in is asked there.
    theirs["HARKEN_JOBS_IS_ENABLED"] = "false"
    theirs["HARKEN_AUTH_KEYS"] = "off"
    # Nothing comes twice to an instance that the gateway knows already.
    theirs["HARKEN_CACHE_BYTES"] = "0"
    return theirs


def section_variables(section: str, values: DataclassInstance) -> dict[str, str]:
    """Write one section of a configuration as variables."""
    return {
        f"HARKEN_{section}_{part.name}".upper(): str(getattr(values, part.name)) for part in dataclasses.fields(values)
    }
