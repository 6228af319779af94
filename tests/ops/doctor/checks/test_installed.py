"""What is installed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harken.machine.gpus import Gpus
from harken.machine.processor import Processor
from harken.ops.doctor.checks.installed import (
    check_kernels,
    check_packages,
    check_python,
    check_system,
    check_torch,
    satisfies,
)
from harken.ops.doctor.facts import Package, Torch
from harken.ops.doctor.finding import Verdict
from tests.ops.doctor.machines import PACKAGES, checkpoint, config, gpu, machine, software


def test_python_and_system_are_told() -> None:
    """Linux and Python 3.11 are well; others are told apart."""
    assert check_system(machine()).verdict is Verdict.OK
    assert check_python(machine()).verdict is Verdict.OK
    assert check_system(machine(software=software(system="Darwin 24 arm64"))).verdict is Verdict.WARNING
    old = check_python(machine(software=software(python=(3, 9, 2))))
    assert old.verdict is Verdict.FAILED and "3.11" in old.remedy


@pytest.mark.parametrize(
    ("wanted", "version", "is_good"),
    [
        ("<3,>=2.11", "2.13.0+cpu", True),
        ("<3,>=2.11", "2.11", True),
        ("<3,>=2.11", "2.9.1", False),
        ("<3,>=2.11", "3.0.0a1", False),
        (">=0.4.5", "0.5", True),
        (">=0.4.5", "0.4", False),
        ("", "1", True),
        (">=1", "", False),
        (">=1", "unknown", False),
    ],
)
def test_versions_are_compared_as_numbers(wanted: str, version: str, is_good: bool) -> None:
    """2.13 is later than 2.9."""
    assert satisfies(Package(name="torch", wanted=wanted, version=version)) is is_good


def test_packages_that_are_missing_or_old_fail_with_the_command_for_this_python() -> None:
    """Where an instance needs them; a gateway in front of others does not."""
    for torch in ("", "2.4.0"):
        packages = (PACKAGES[0], dataclasses.replace(PACKAGES[1], version=torch))
        found = check_packages(machine(software=software(packages=packages)))
        assert found is not None and found.verdict is Verdict.FAILED
        assert found.remedy == "/venv/bin/python -m pip install --upgrade 'harken[engine]'"
        assert check_packages(machine(model=None, software=software(packages=packages))) is None


NVIDIA = gpu()


@pytest.mark.parametrize(
    ("torch", "driver", "device", "verdict", "words"),
    [
        (Torch(version="2.13", cuda=(13, 0), sees_cuda=True), (13, 0), "auto", Verdict.OK, "CUDA 13.0"),
        (Torch(version="2.13", cuda=(12, 8), sees_cuda=True), (12, 4), "auto", Verdict.WARNING, "one major version"),
        (Torch(version="2.13", cuda=(13, 0), sees_cuda=False), (12, 4), "auto", Verdict.WARNING, "up to 12.4"),
        (Torch(version="2.13", cuda=(13, 0), sees_cuda=False), (12, 4), "cuda", Verdict.FAILED, "up to 12.4"),
        (Torch(version="2.13+cpu", sees_cuda=False), (13, 0), "auto", Verdict.WARNING, "which it cannot use"),
        (Torch(version="2.13", sees_cuda=False, problem="no libgomp"), (13, 0), "auto", Verdict.FAILED, "libgomp"),
        (Torch(version="2.13", problem="no answer within 6 s"), (13, 0), "auto", Verdict.WARNING, "no answer"),
    ],
)  # fmt: skip
def test_torch_is_held_against_the_driver(
    torch: Torch, driver: tuple[int, int], device: str, verdict: Verdict, words: str
) -> None:
    """A later major version of CUDA than the driver's cannot work; a GPU that nobody uses is only a pity."""
    gpus = Gpus(gpus=(NVIDIA,), driver="550.1", cuda=driver, has_library=True)
    found = check_torch(machine(config(device=device), gpus=(NVIDIA,), software=software(torch=torch), plugged_in=1))
    assert found is not None
    facts = dataclasses.replace(
        machine(config(device=device), gpus=(NVIDIA,)), gpus=gpus, software=software(torch=torch)
    )
    found = check_torch(facts)
    assert found is not None and found.verdict is verdict
    assert words in found.found
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_a_torch_for_the_driver_is_named() -> None:
    """An old driver of CUDA 12 runs any build for CUDA 12; one of CUDA 11 runs none."""
    torch = Torch(version="2.13", cuda=(13, 0), sees_cuda=False)
    for driver, has_build in (((12, 4), True), ((11, 8), False)):
        gpus = Gpus(gpus=(NVIDIA,), driver="5", cuda=driver, has_library=True)
        found = check_torch(dataclasses.replace(machine(gpus=(NVIDIA,)), gpus=gpus, software=software(torch=torch)))
        assert found is not None and ("whl/cu126" in found.remedy) is has_build


@pytest.mark.parametrize(
    ("changes", "quantize", "verdict", "words"),
    [
        ({}, "none", Verdict.OK, "run here"),
        ({"missing": ("avx512_vnni",)}, "none", Verdict.WARNING, "lacks avx512_vnni"),
        ({"missing": ("avx512_vnni",)}, "int8", Verdict.FAILED, "int8 needs them"),
        ({"architecture": "aarch64", "missing": ("avx512f",)}, "none", Verdict.WARNING, "lacks x86-64"),
        ({"has_kernels": False}, "none", Verdict.WARNING, "no C compiler"),
        ({"can_pack": False}, "int4", Verdict.FAILED, "heads of this model"),
    ],
)
def test_the_kernels_are_looked_for_where_the_cpu_computes(
    changes: dict[str, Any], quantize: str, verdict: Verdict, words: str
) -> None:
    """Without them a CPU is slower; rounded weights cannot be had at all."""
    facts = machine(config(quantize=quantize))
    cpu = {name: value for name, value in changes.items() if name in ("architecture", "missing")}
    has_kernels = changes.get("has_kernels", True)
    facts = dataclasses.replace(
        facts,
        processor=dataclasses.replace(facts.processor, **cpu) if cpu else facts.processor,
        software=software(has_kernels=has_kernels, runs_kernels=has_kernels and not cpu),
        model=checkpoint(facts.config.instance.model, can_pack=changes.get("can_pack", True)),
    )
    found = check_kernels(facts)
    assert found is not None and found.verdict is verdict and words in found.found


def test_nobody_looks_for_kernels_where_a_gpu_computes() -> None:
    """Or nothing at all."""
    assert check_kernels(machine(gpus=(gpu(),))) is None
    assert check_kernels(machine(model=None)) is None
    assert isinstance(machine().processor, Processor)
