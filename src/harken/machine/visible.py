"""Which GPUs CUDA shows to a process: NVML knows all, CUDA_VISIBLE_DEVICES leaves some of them. Pure.

Owns the reading of that variable: numbers, and beginnings of GPU or MIG UUIDs, up to the first entry that names
nothing. What comes out is in CUDA's order: the first is "cuda:0". A divided GPU counts as one of its parts: without a
MIG UUID in the variable CUDA takes the first part it finds, and only that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from harken.machine.gpus import Gpu, Part


def visible_gpus(gpus: Sequence[Gpu], variable: str | None) -> tuple[Gpu, ...]:
    """Tell what a process would see: "cuda:0" first, then "cuda:1", and so on.

    Args:
        gpus: all of the machine.
        variable: CUDA_VISIBLE_DEVICES; None where it is not set, which shows everything.
    """
    if variable is None:
        whole = [gpu for gpu in gpus if not gpu.is_mig]
        return tuple(whole) or tuple(_as_gpu(gpu, part) for gpu in gpus for part in gpu.parts)[:1]
    found: list[Gpu] = []
    for entry in (part.strip() for part in variable.split(",")):
        named = _named(entry, gpus)
        # CUDA ends at what names nothing, and shows nothing at all where one is named twice.
        if named is None:
            break
        if named.uuid and any(other.uuid == named.uuid for other in found):
            return ()
        found.append(named)
    return tuple(found)


def is_order_certain(gpus: Sequence[Gpu], order: str | None) -> bool:
    """Whether CUDA numbers GPUs as NVML does.

    Args:
        gpus: all of the machine.
        order: CUDA_DEVICE_ORDER; without it CUDA puts the fastest first, which is the same only among equals.
    """
    return order == "PCI_BUS_ID" or len({gpu.name for gpu in gpus}) <= 1


def _named(entry: str, gpus: Sequence[Gpu]) -> Gpu | None:
    if entry.isascii() and entry.isdecimal():
        number = int(entry)
        gpu = gpus[number] if number < len(gpus) else None
        if gpu is not None and gpu.is_mig:
            return _as_gpu(gpu, gpu.parts[0]) if gpu.parts else None
        return gpu
    if entry.startswith("MIG-"):
        parts = [(gpu, part) for gpu in gpus for part in gpu.parts if part.uuid.startswith(entry)]
        return _as_gpu(*parts[0]) if len(parts) == 1 else None
    if entry.startswith("GPU-"):
        whole = [gpu for gpu in gpus if gpu.uuid.startswith(entry)]
        return whole[0] if len(whole) == 1 else None
    return None


def _as_gpu(gpu: Gpu, part: Part) -> Gpu:
    return dataclasses.replace(
        gpu,
        uuid=part.uuid,
        name=f"{gpu.name} (MIG)",
        total_bytes=part.total_bytes,
        used_bytes=part.total_bytes - part.free_bytes,
        free_bytes=part.free_bytes,
        parts=(),
    )
