"""What matters of the machine that a fleet runs on.

Thin effects, no opinion: it counts and looks, without loading torch. Asking `nvidia-smi` may take seconds, so that is
done only where the answer is needed, and off the event loop.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harken.config import Config
from harken.fleet.mps_plan import PROGRAM
from harken.fleet.placing import ALL
from harken.machine.cores import own_cores
from harken.machine.gpus import own_gpus
from harken.machine.visible import is_order_certain, visible_gpus

_LIST_TIMEOUT_S = 30.0
"""Without its persistence daemon a driver wakes every GPU first."""

_GPU = re.compile(r"^GPU \d+:.*\(UUID: (GPU-[^)\s]+)\)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What matters of a machine.

    Attributes:
        cores: CPU cores that this process may use.
        has_gpu: an accelerator that `device = "auto"` would take.
        gpus: NVIDIA GPUs that an instance would see; 0 where nobody asked.
        has_mps: NVIDIA's Multi-Process Service can be started and watched here.
        free_bytes: memory of CUDA devices that nobody holds, by name; of those that somebody asked about.
        core_numbers: of the cores, where somebody asked.
        core_nodes: the NUMA node of each of them, as far as it is known.
    """

    cores: int
    has_gpu: bool
    gpus: int = 0
    has_mps: bool = False
    free_bytes: Mapping[str, int] = field(default_factory=dict)
    core_numbers: tuple[int, ...] = ()
    core_nodes: Mapping[int, int] = field(default_factory=dict)


def this_machine(*, counts_gpus: bool = False) -> Machine:
    """Look at the machine that we are on.

    Args:
        counts_gpus: whether to ask `nvidia-smi`, which may take seconds.
    """
    has_affinity = sys.platform.startswith("linux")
    return Machine(
        cores=len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1,
        has_gpu=shutil.which("nvidia-smi") is not None or sys.platform == "darwin",
        gpus=count_visible(_list_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES")) if counts_gpus else 0,
        has_mps=shutil.which(PROGRAM) is not None and _can_watch_processes(),
    )


def machine_for(config: Config) -> Machine:
    """Look at as much of this machine as a configuration makes worth knowing; may block for seconds."""
    devices = config.fleet.devices.strip()
    machine = this_machine(counts_gpus=devices == ALL)
    if devices == ALL or "," in devices:
        machine = replace(machine, free_bytes=free_memory(os.environ))
    if config.fleet.pins_cores:
        cores = own_cores()
        machine = replace(machine, core_numbers=cores.ids, core_nodes=cores.nodes)
    return machine


def free_memory(env: Mapping[str, str]) -> dict[str, int]:
    """Ask the driver for the memory that nobody holds, by the names that CUDA gives its devices; {} where it is silent.

    May block for seconds.
    """
    gpus = own_gpus().gpus
    if not is_order_certain(gpus, env.get("CUDA_DEVICE_ORDER")):
        return {}
    visible = visible_gpus(gpus, env.get("CUDA_VISIBLE_DEVICES"))
    return {f"cuda:{number}": gpu.free_bytes for number, gpu in enumerate(visible) if not gpu.problem}


def count_visible(listing: str, visible: str | None) -> int:
    """Count the GPUs that CUDA would show to a process. Pure.

    Args:
        listing: what `nvidia-smi -L` wrote.
        visible: the variable CUDA_VISIBLE_DEVICES: CUDA takes its entries up to the first that names no GPU.
    """
    uuids = _GPU.findall(listing)
    if visible is None:
        return len(uuids)
    count = 0
    for entry in (part.strip() for part in visible.split(",")):
        is_number = entry.isascii() and entry.isdecimal()
        if not (int(entry) < len(uuids) if is_number else _names_one(entry, uuids)):
            break
        count += 1
    return count


def _can_watch_processes() -> bool:
    """Whether the end of a process that is no child of ours can be learnt: since Linux 5.3."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True


def _names_one(entry: str, uuids: list[str]) -> bool:
    return entry.startswith("GPU-") and any(uuid.startswith(entry) for uuid in uuids)


def _list_gpus() -> str:
    try:
        return subprocess.run(
            ["nvidia-smi", "-L"],  # noqa: S607 - found in PATH, as by a person
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LIST_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
