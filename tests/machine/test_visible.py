"""CUDA_VISIBLE_DEVICES over what NVML lists."""

from __future__ import annotations

import pytest

from harken.machine.gpus import Gpu, Part
from harken.machine.visible import is_order_certain, visible_gpus

GPUS = (
    Gpu(index=0, uuid="GPU-5a1b", name="A100", total_bytes=80),
    Gpu(index=1, uuid="GPU-7c2d", name="A100", total_bytes=80),
    Gpu(index=2, uuid="GPU-7c99", name="A100", total_bytes=80),
)
DIVIDED = Gpu(
    index=0,
    uuid="GPU-m",
    name="A100",
    is_mig=True,
    parts=(Part(uuid="MIG-aa", total_bytes=10, free_bytes=9), Part(uuid="MIG-ab", total_bytes=20, free_bytes=5)),
)


@pytest.mark.parametrize(
    ("variable", "indices"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("0", [0]),
        ("2,0", [2, 0]),
        ("0,7,1", [0]),
        ("GPU-5a", [0]),
        ("GPU-7c", []),
        ("GPU-7c2d, 0", [1, 0]),
        ("0,0", []),
        ("0,GPU-5a1b", []),
        (" 1 ", [1]),
        ("²", []),
        ("all", []),
        ("99999999999999999999", []),
    ],
)
def test_cuda_shows_what_the_variable_leaves(variable: str | None, indices: list[int]) -> None:
    """Up to the first entry that names no single GPU, and none at all where one is named twice."""
    assert [gpu.index for gpu in visible_gpus(GPUS, variable)] == indices


def test_a_divided_gpu_is_one_of_its_parts() -> None:
    """The one that is named, else the first; whole GPUs go before parts."""
    assert [gpu.uuid for gpu in visible_gpus((DIVIDED,), None)] == ["MIG-aa"]
    assert [gpu.uuid for gpu in visible_gpus((DIVIDED,), "0")] == ["MIG-aa"]
    (named,) = visible_gpus((DIVIDED,), "MIG-ab")
    assert (named.uuid, named.total_bytes, named.free_bytes, named.used_bytes) == ("MIG-ab", 20, 5, 15)
    assert visible_gpus((DIVIDED,), "MIG-a") == ()
    assert [gpu.uuid for gpu in visible_gpus((DIVIDED, GPUS[1]), None)] == ["GPU-7c2d"]


def test_numbers_are_certain_among_equals_or_by_the_bus() -> None:
    """Else CUDA puts the fastest first, and NVML does not."""
    other = Gpu(index=3, uuid="GPU-8", name="T4")
    assert is_order_certain(GPUS, None)
    assert not is_order_certain((*GPUS, other), None)
    assert not is_order_certain((*GPUS, other), "FASTEST_FIRST")
    assert is_order_certain((*GPUS, other), "PCI_BUS_ID")
