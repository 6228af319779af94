"""Machines written down: facts for checks that are pure."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from harken.config import Config, FleetConfig, InstanceConfig
from harken.fleet.machine import Machine
from harken.fleet.plan import plan
from harken.machine.cores import Cores
from harken.machine.disk import Disk
from harken.machine.gpus import Gpu, Gpus
from harken.machine.memory import Memory
from harken.machine.processor import KERNELS_NEED, Processor
from harken.ops.doctor.facts import Checkpoint, Facts, Package, Places, Software, Torch
from harken.qwen3_asr.published import published

GB = 1_000_000_000
LARGE, SMALL = "Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3-ASR-0.6B"
PACKAGES = (
    Package(name="huggingface-hub", wanted=">=0.27", version="2.4.0"),
    Package(name="torch", wanted="<3,>=2.11", version="2.13.0"),
)


def checkpoint(name: str, **changes: Any) -> Checkpoint:
    """A published checkpoint that is on the machine."""
    known = published(name)
    assert known is not None
    whole = Checkpoint(
        name=name, folder=Path("/models"), config=known.config, stored_bytes=known.stored_bytes, is_builtin=False
    )
    return dataclasses.replace(whole, **changes)


def gpu(index: int = 0, *, free: float = 23.0, total: float = 24.0, **changes: Any) -> Gpu:
    """A card; memory in GB."""
    card = Gpu(
        index=index,
        uuid=f"GPU-{index}",
        name="NVIDIA GeForce RTX 3090",
        capability=(8, 6),
        total_bytes=int(total * GB),
        used_bytes=int((total - free) * GB),
        free_bytes=int(free * GB),
    )
    return dataclasses.replace(card, **changes)


def config(*, instances: int = 1, devices: str = "", **instance: Any) -> Config:
    """A configuration of so many instances."""
    return Config(
        fleet=FleetConfig(instances=instances, devices=devices),
        instance=InstanceConfig(**{"model": LARGE, "aligner": "none", **instance}),
    )


def software(**changes: Any) -> Software:
    """Everything installed, torch without CUDA."""
    whole = Software(
        system="Linux 6.1 x86_64",
        python=(3, 11, 7),
        executable="/venv/bin/python",
        packages=PACKAGES,
        torch=Torch(version="2.13.0", sees_cuda=False),
        has_kernels=True,
        runs_kernels=True,
    )
    return dataclasses.replace(whole, **changes)


def machine(wanted: Config | None = None, *, gpus: tuple[Gpu, ...] = (), **changes: Any) -> Facts:
    """Facts of a machine of eight cores and 32 GB on which all is well; with GPUs, torch can use them."""
    wanted = wanted or config()
    instances = plan(wanted, Machine(cores=8, has_gpu=bool(gpus), gpus=len(gpus))) if wanted.fleet.instances else ()
    disk = Disk(folder=Path("/disk"), existing=Path("/disk"), free_bytes=100 * GB, is_writable=True)
    driver = Gpus(gpus=gpus, driver="580.65.06", cuda=(13, 0), has_library=True)
    whole = Facts(
        config=wanted,
        instances=instances,
        layout_problem="",
        gpus=driver if gpus else Gpus(problem="NVML Shared Library Not Found"),
        plugged_in=len(gpus),
        visible=gpus,
        is_order_certain=True,
        cores=Cores(ids=tuple(range(8)), count=8),
        processor=Processor(model="Xeon", architecture="x86_64", features=KERNELS_NEED, missing=()),
        memory=Memory(total_bytes=34 * GB, available_bytes=32 * GB),
        software=software(torch=Torch(version="2.13.0", cuda=(13, 0), sees_cuda=True)) if gpus else software(),
        model=checkpoint(wanted.instance.model) if wanted.fleet.instances else None,
        aligner=None,
        hub=None,
        places=Places(state=disk, weights=disk, descriptors=65_536, ports=()),
    )
    return dataclasses.replace(whole, **changes)
