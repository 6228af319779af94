"""Driver, GPUs, and whether they can do what is asked."""

from __future__ import annotations

import dataclasses

import pytest

from harken.machine.gpus import Gpus
from harken.ops.doctor.checks.devices import (
    check_capability,
    check_device,
    check_driver,
    check_gpus,
    check_layout,
    check_torch_sees_gpu,
)
from harken.ops.doctor.facts import Torch
from harken.ops.doctor.finding import Verdict
from tests.ops.doctor.machines import config, gpu, machine, software


@pytest.mark.parametrize(
    ("problem", "step"),
    [
        ("RM has detected an NVML/RM version mismatch.", "restart the machine"),
        ("Driver Not Loaded", "modprobe nvidia"),
        ("Insufficient Permissions", "groups video"),
        ("NVML did not answer within 5 s", "dmesg"),
        ("Something new", "install the NVIDIA driver"),
    ],
)
def test_a_driver_that_does_not_work_has_a_remedy(problem: str, step: str) -> None:
    """It fails where a GPU is asked for, and is a warning where the CPU will do."""
    broken = Gpus(problem=problem, has_library=True)
    for device, verdict in (("cuda", Verdict.FAILED), ("auto", Verdict.WARNING)):
        found = check_driver(dataclasses.replace(machine(config(device=device)), gpus=broken))
        assert found is not None and found.verdict is verdict
        assert problem in found.found and step in found.remedy


def test_no_gpu_and_no_driver_is_well_unless_one_is_asked_for() -> None:
    """Or one is plugged in."""
    none = machine()
    assert (found := check_driver(none)) and found.verdict is Verdict.OK
    plugged = check_driver(dataclasses.replace(none, plugged_in=2))
    assert plugged and plugged.verdict is Verdict.WARNING and "2 NVIDIA GPUs on the PCI bus" in plugged.found
    asked = check_driver(machine(config(device="cuda:1")))
    assert asked and asked.verdict is Verdict.FAILED and "--device cpu" in asked.remedy
    assert (well := check_driver(machine(gpus=(gpu(),)))) and "580.65.06" in well.found


def test_a_lost_gpu_fails_only_where_it_is_used() -> None:
    """Another one serves."""
    lost, other = gpu(0, problem="GPU is lost"), gpu(1)
    used = check_gpus(machine(config(device="cuda:0"), gpus=(lost, other)))
    spared = check_gpus(machine(config(device="cuda:1"), gpus=(lost, other)))
    assert used and used.verdict is Verdict.FAILED and "GPU 0: GPU is lost" in used.found
    assert spared and spared.verdict is Verdict.WARNING


def test_hidden_gpus_and_uncertain_numbers_are_told() -> None:
    """CUDA_VISIBLE_DEVICES may be forgotten in a shell."""
    facts = dataclasses.replace(machine(gpus=(gpu(0), gpu(1))), visible=(gpu(1),))
    assert (found := check_gpus(facts)) and "1 hidden" in found.found and found.verdict is Verdict.OK
    unsure = check_gpus(machine(gpus=(gpu(0), gpu(1, name="T4")), is_order_certain=False))
    assert unsure and unsure.verdict is Verdict.WARNING and "CUDA_DEVICE_ORDER=PCI_BUS_ID" in unsure.remedy


def test_a_device_that_is_not_there_fails() -> None:
    """By its number."""
    found = check_device(machine(config(device="cuda:3"), gpus=(gpu(),)))
    assert found and found.verdict is Verdict.FAILED and "cuda:3 asked for; 1 visible" in found.found
    assert check_device(machine(config(device="cuda:0"), gpus=(gpu(),))) is None
    assert check_device(machine()) is None


def test_torch_must_see_the_gpu_that_is_asked_for() -> None:
    """Where it is not asked for, the CPU computes, and somebody should know."""
    blind = software(torch=Torch(version="2.13", cuda=(13, 0), sees_cuda=False))
    asked = check_torch_sees_gpu(machine(config(device="cuda"), gpus=(gpu(),), software=blind))
    left = check_torch_sees_gpu(machine(gpus=(gpu(),), software=blind))
    assert asked and asked.verdict is Verdict.FAILED
    assert left and left.verdict is Verdict.WARNING and "compute on the CPU" in left.found
    busy = software(torch=Torch(version="2.13+cpu", problem="no answer within 6 s"))
    unasked = check_torch_sees_gpu(machine(config(device="cuda"), gpus=(gpu(),), software=busy))
    assert unasked and unasked.verdict is Verdict.FAILED
    assert check_torch_sees_gpu(machine(gpus=(gpu(),))) is None
    assert check_torch_sees_gpu(machine()) is None


@pytest.mark.parametrize(
    ("capability", "quantize", "dtype", "verdict"),
    [
        ((9, 0), "fp8", "auto", Verdict.OK),
        ((8, 9), "fp8", "auto", Verdict.FAILED),
        ((8, 6), "int8", "auto", Verdict.OK),
        ((7, 5), "int8", "auto", Verdict.WARNING),
        ((7, 5), "none", "auto", Verdict.WARNING),
        ((7, 5), "none", "float32", Verdict.OK),
        ((7, 0), "none", "float32", Verdict.FAILED),
        ((3, 7), "none", "float32", Verdict.FAILED),
    ],
)
def test_capability_is_held_against_what_is_asked(
    capability: tuple[int, int], quantize: str, dtype: str, verdict: Verdict
) -> None:
    """8-bit floats need Hopper, and a torch for CUDA 13 begins with Turing."""
    facts = machine(config(quantize=quantize, dtype=dtype), gpus=(gpu(capability=capability),))
    found = check_capability(facts)
    assert found and found.verdict is verdict, found
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_a_layout_that_cannot_be_fails_in_its_own_words() -> None:
    """As `harken up` would say it."""
    found = check_layout(machine(layout_problem="fleet.devices is 'all', but no GPU is visible here"))
    assert found and found.verdict is Verdict.FAILED and "no GPU is visible" in found.found
    assert (well := check_layout(machine(config(instances=0)))) and well.found.startswith("no instances here")
