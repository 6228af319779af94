"""Gathering the facts: all looks at the machine, side by side and within a bound.

Two rounds: first what decides how the fleet is laid out (GPUs, cores), together with what takes longest (torch); then
ports and, where weights are missing, the hub. What does not answer in time is named as unknown, with a value that
promises nothing.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harken.config import Config, InstanceConfig
from harken.errors import HarkenError
from harken.machine.cores import own_cores
from harken.machine.disk import Disk
from harken.machine.gpus import Gpu, Gpus, own_gpus
from harken.machine.memory import own_memory
from harken.machine.pci import count_nvidia
from harken.machine.processor import own_processor
from harken.machine.visible import is_order_certain, visible_gpus
from harken.models.store import ModelStore, open_store
from harken.ops.doctor.bounded import look_at_all
from harken.ops.doctor.checkpoints import has_checkpoint, look_at_aligner, look_at_model
from harken.ops.doctor.facts import Checkpoint, Facts, Hub, Places, Port, Software
from harken.ops.doctor.hub import look_at_hub
from harken.ops.doctor.places import reachable_descriptors, state_disk, try_port, wanted_ports, weights_disk
from harken.ops.doctor.software import own_software, read_torch
from harken.plugin.find import find

FIRST_TIMEOUT_S = 7.0
SECOND_TIMEOUT_S = 2.0
"""Together less than ten seconds: the hub is asked in the first round already, beside torch."""

AT_ONCE = 32
"""Ports that are tried side by side."""

Layout = Callable[[tuple[Gpu, ...]], tuple[InstanceConfig, ...]]
"""Lays the instances of a fleet out on visible GPUs; raises a `HarkenError` where that cannot be."""


def look(config: Config, layout: Layout, env: Mapping[str, str] = os.environ) -> Facts:
    """Gather everything that the checks want to know; at most about ten seconds.

    Args:
        config: of the fleet.
        layout: places its instances.
        env: the process's variables.
    """
    has_model = bool(config.fleet.instances) and has_checkpoint(config.instance.model)
    store = open_store(config.models, env)
    looks: dict[str, Callable[[], Any]] = {
        "gpus": own_gpus,
        "software": partial(own_software, needs_torch=has_model),
        "weights": partial(_weights, config.instance, store, env) if has_model else lambda: (None, None, None),
        "state folder": partial(state_disk, config, env),
        "disk for weights": partial(weights_disk, config, env),
    }
    first = look_at_all(looks, FIRST_TIMEOUT_S)
    gpus: Gpus = first.get("gpus") or Gpus(problem="NVML did not answer", has_library=True)
    visible = () if gpus.problem else visible_gpus(gpus.gpus, env.get("CUDA_VISIBLE_DEVICES"))
    instances, layout_problem = _laid_out(layout, visible)
    ports = wanted_ports(config, instances)
    tried = _try_ports(ports)
    return Facts(
        config=config,
        instances=instances,
        layout_problem=layout_problem,
        gpus=gpus,
        plugged_in=count_nvidia(),
        visible=visible,
        is_order_certain=is_order_certain(gpus.gpus, env.get("CUDA_DEVICE_ORDER")),
        cores=own_cores(),
        processor=own_processor(),
        memory=own_memory(),
        software=first.get("software") or _unknown_software(),
        **_of_weights(first, config.instance, store, has_model=has_model),
        places=_places(first, tried, ports),
        unknown=tuple(name for name in looks if name not in first),
        engine=_engine(config),
    )


def _engine(config: Config) -> str:
    found = find(config.instance.model) if config.fleet.instances else None
    return "" if found is None else str(found)


def _laid_out(layout: Layout, visible: tuple[Gpu, ...]) -> tuple[tuple[InstanceConfig, ...], str]:
    try:
        return layout(visible), ""
    except HarkenError as error:
        return (), error.message


def _weights(
    instance: InstanceConfig, store: ModelStore, env: Mapping[str, str]
) -> tuple[Checkpoint, Checkpoint | None, Hub | None]:
    model, aligner = look_at_model(instance, store), look_at_aligner(instance, store)
    missing = [one.name for one in (model, aligner) if one is not None and one.is_missing]
    return model, aligner, look_at_hub(missing, env) if missing else None


def _of_weights(
    first: Mapping[str, Any], instance: InstanceConfig, store: ModelStore, *, has_model: bool
) -> dict[str, Any]:
    model, aligner, hub = first.get("weights") or (None, None, None)
    if model is None and has_model:
        # The hub's name server may hang; what is on this machine is known in a moment.
        model, aligner = look_at_model(instance, store), look_at_aligner(instance, store)
        hub = Hub(endpoint="the hub", statuses={model.name: 0}, problem="no answer in time")
    return {"model": model, "aligner": aligner, "hub": hub}


def _try_ports(ports: tuple[Port, ...]) -> dict[Port, str]:
    """Try all ports, some side by side: asking who holds one may take a second, and a fleet may have thousands."""

    def some(mine: tuple[Port, ...]) -> dict[Port, str]:
        return {port: try_port(port) for port in mine}

    shares = {str(number): partial(some, ports[number::AT_ONCE]) for number in range(min(AT_ONCE, len(ports)))}
    found = look_at_all(shares, SECOND_TIMEOUT_S)
    return {port: problem for share in found.values() for port, problem in share.items()}


def _places(first: Mapping[str, Any], tried: Mapping[Port, str], ports: tuple[Port, ...]) -> Places:
    return Places(
        state=first.get("state folder") or _silent_disk(),
        weights=first.get("disk for weights") or _silent_disk(),
        descriptors=reachable_descriptors(),
        ports=tuple(
            dataclasses.replace(port, problem=tried.get(port, f"Nobody says in time who holds port {port.number}."))
            for port in ports
        ),
    )


def _silent_disk() -> Disk:
    return Disk(folder=Path(), existing=Path(), free_bytes=None, is_writable=False, problem="the disk does not answer")


def _unknown_software() -> Software:
    told = own_software(needs_torch=False)
    return dataclasses.replace(told, torch=dataclasses.replace(read_torch(), problem="no answer in time"))
