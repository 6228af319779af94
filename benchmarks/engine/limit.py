"""What this machine can do: how fast memory is read, and how fast large products are computed.

Each figure is the best of several tries, and of several ways where there are more than one: a limit that a program
beats would be none. Products are torch's, of square matrices, and on x86 CPUs those of our packed weights, which take
float32 inputs. On a GPU all quantised weights are held against bfloat16's products.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.engine.arithmetic import Machine
from harken.qwen3_asr.native.library import KINDS as PACKED
from harken.qwen3_asr.native.library import library
from harken.qwen3_asr.native.linear import PackedLinear

_SIDE = 2048
_SIDE_CUDA = 8192
_ROWS = (64, 256, 1024)
_TRIES = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to read or to compute: what, with what, and the best rate in bytes or operations per second."""

    what: str
    kind: str
    per_s: float


def measure(device: str, *, seconds: float) -> list[Row]:
    """Measure all that is to be had on this device.

    Args:
        device: in torch's words.
        seconds: for each way.
    """
    clock = _Clock(device, seconds)
    rows = _reading(device, clock) + _torch_products(device, clock)
    return rows + (_packed_products(clock) if device == "cpu" and library() is not None else [])


def machine_of(rows: list[Row], device: str) -> Machine | None:
    """The best of everything: float32 weights multiply in float32 alone, all others may be unpacked to anything.

    Returns:
        None where too little has been measured (yet).
    """
    best: dict[tuple[str, str], float] = {}
    for row in rows:
        key = ("read", "") if row.what.startswith("read") else ("product", row.kind)
        best[key] = max(best.get(key, 0.0), row.per_s)
    if not {("read", ""), ("product", "float32"), ("product", "bfloat16")} <= best.keys():
        return None
    single = best["product", "float32"]
    half = max(single, best["product", "bfloat16"])
    packed = {kind: max(half, best.get(("product", kind), 0.0)) for kind in ("int8", "int4")}
    rates = {"float32": single, "bfloat16": half, **(packed if device == "cpu" else dict.fromkeys(packed, half))}
    return Machine(read_bytes_per_s=best["read", ""], flops_per_s=rates)


class _Clock:
    """Runs something again and again and tells the shortest time of a run, in seconds."""

    def __init__(self, device: str, seconds: float) -> None:
        self._device = device
        self._seconds = seconds

    def best(self, run: Callable[[], object]) -> float:
        run()
        repeats = max(1, int(self._seconds / _TRIES / max(self._once(run, 1), 1e-9)))
        return min(self._once(run, repeats) for _ in range(_TRIES))

    def _once(self, run: Callable[[], object], repeats: int) -> float:
        self._wait()
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        self._wait()
        return (time.perf_counter() - began) / repeats

    def _wait(self) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)


def _reading(device: str, clock: _Clock) -> list[Row]:
    """The sum of 1 GiB; a matrix of as much times a vector; packed weights times one row."""
    held = torch.ones(1 << 14, 1 << 14, device=device)
    size, vector = held.numel() * 4, torch.ones(1 << 14, device=device)
    rows = [
        Row(what="read, sum of 1 GiB", kind="float32", per_s=size / clock.best(held.sum)),
        Row(what="read, matrix times vector", kind="float32", per_s=size / clock.best(lambda: held @ vector)),
    ]
    if device == "cpu" and library() is not None:
        packed = PackedLinear([torch.ones(1 << 15, 1 << 13, dtype=torch.bfloat16)], "bfloat16")
        row = torch.ones(1, 1 << 13)
        rate = packed.packed.numel() / clock.best(lambda: packed(row))
        rows.append(Row(what="read, packed weights times one row", kind="bfloat16", per_s=rate))
    return rows


def _torch_products(device: str, clock: _Clock) -> list[Row]:
    rows = []
    for side in (_SIDE, _SIDE_CUDA) if device.startswith("cuda") else (_SIDE,):
        for kind, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            one, other = (_noise(side, side, device=device).to(dtype) for _ in range(2))
            rate = 2 * side**3 / clock.best(lambda one=one, other=other: one @ other)  # type: ignore[misc]
            rows.append(Row(what=f"product, torch, {side}³", kind=kind, per_s=rate))
    return rows


def _packed_products(clock: _Clock) -> list[Row]:
    """For each kind of weights the best over several numbers of rows."""
    rows = []
    for kind in PACKED:
        packed = PackedLinear([_noise(_SIDE, _SIDE, device="cpu").bfloat16()], kind)
        for count in _ROWS:
            inputs, out = _noise(count, _SIDE, device="cpu"), torch.empty(count, _SIDE)
            rate = 2 * count * _SIDE**2 / clock.best(lambda i=inputs, o=out, p=packed: p(i, o))  # type: ignore[misc]
            rows.append(Row(what=f"product, packed, {count} rows", kind=kind, per_s=rate))
    return rows


def _noise(*shape: int, device: str) -> Tensor:
    return torch.randn(shape, device=device)
