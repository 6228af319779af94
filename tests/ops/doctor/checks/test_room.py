"""Whether the fleet fits, and what would."""

from __future__ import annotations

import dataclasses

import pytest

from harken.config import Config
from harken.machine.cores import Cores
from harken.machine.memory import Memory
from harken.ops.doctor.checks.room import check_cores, check_memory, check_pinning, check_ram
from harken.ops.doctor.facts import Checkpoint, Facts
from harken.ops.doctor.finding import Finding, Verdict
from tests.ops.doctor.machines import GB, LARGE, SMALL, checkpoint, config, gpu, machine, software


def _memory(facts: Facts) -> Finding:
    found = check_memory(facts)
    assert found is not None
    return found


def test_two_instances_fit_on_a_card_of_24_gb() -> None:
    """With as many slots as are left over."""
    found = _memory(machine(config(instances=2), gpus=(gpu(),)))
    assert found.verdict is Verdict.OK
    assert found.found.startswith(f"2 instances of {LARGE} bfloat16 with ")
    assert "NVIDIA GeForce RTX 3090 (cuda:0) has 21.6 GB for them" in found.found


def test_what_does_not_fit_is_told_with_what_would() -> None:
    """The nearest change first; each is a flag."""
    found = _memory(machine(config(instances=4), gpus=(gpu(),)))
    assert found.verdict is Verdict.FAILED
    assert ": 3 fit" in found.found
    assert "--instances 3" in found.remedy
    assert f"--model {SMALL}" in found.remedy


@pytest.mark.parametrize("wanted", [config(instances=4), config(instances=2, slots=64), config(instances=9)])
def test_the_remedy_helps(wanted: Config) -> None:
    """Whoever follows its first way out gets a finding without a failure."""
    facts = machine(wanted, gpus=(gpu(),))
    found = _memory(facts)
    assert found.verdict is Verdict.FAILED
    flag, value = found.remedy.split("; or ")[0].split()[:2]
    fleet, instance = wanted.fleet, wanted.instance
    if flag == "--instances":
        fleet = dataclasses.replace(fleet, instances=int(value))
    else:
        assert flag == "--slots"
        instance = dataclasses.replace(instance, slots=int(value))
    followed = machine(dataclasses.replace(wanted, fleet=fleet, instance=instance), gpus=(gpu(),))
    assert _memory(followed).verdict is not Verdict.FAILED


def test_memory_that_others_hold_is_named() -> None:
    """A GPU that another program fills."""
    found = _memory(machine(gpus=(gpu(free=3.0),)))
    assert found.verdict is Verdict.FAILED
    assert "end what holds 21.0 GB of it: nvidia-smi shows who" in found.remedy


def test_where_nothing_would_fit_the_size_that_is_needed_is_told() -> None:
    """And a way to try without."""
    found = _memory(machine(gpus=(gpu(free=1.0, total=1.5),)))
    assert found.verdict is Verdict.FAILED
    assert "of free memory, or --model digits to try" in found.remedy


def test_each_device_is_held_against_its_own_instances() -> None:
    """The second card is full."""
    facts = machine(config(instances=2, devices="cuda:0,cuda:1"), gpus=(gpu(0), gpu(1, free=2.0)))
    found = _memory(facts)
    assert found.verdict is Verdict.FAILED and "(cuda:1) has 2.0 GB" in found.found


def test_a_control_group_counts_on_a_cpu() -> None:
    """Four instances of the larger model need more than a container of 8 GB."""
    small = Memory(total_bytes=8 * GB, available_bytes=8 * GB, is_limited=True)
    found = _memory(machine(config(instances=4), memory=small))
    assert found.verdict is Verdict.FAILED and "--instances 1" in found.remedy
    assert _memory(machine(config(instances=4))).verdict is Verdict.OK


def test_built_in_figures_are_called_so() -> None:
    """A failure by figures that nobody read from a file."""
    facts = machine(config(instances=9), gpus=(gpu(),), model=checkpoint(LARGE, folder=None, is_builtin=True))
    assert ", by built-in figures" in _memory(facts).found


def test_what_nobody_knows_is_a_warning() -> None:
    """A hub name that is not published by the vendor, or a system that does not tell its memory."""
    assert _memory(machine(model=Checkpoint(name="me/mine"))).verdict is Verdict.WARNING
    silent = machine(memory=Memory(total_bytes=None, available_bytes=None))
    assert "nobody says how much memory cpu has" in _memory(silent).found
    assert check_memory(machine(config(instances=0))) is None


def test_a_cpu_without_kernels_needs_twice_the_memory() -> None:
    """Float32 instead of bfloat16: one instance less fits, and rounding is no way out."""
    facts = machine(config(instances=4), memory=Memory(total_bytes=30 * GB, available_bytes=26 * GB))
    assert _memory(facts).verdict is Verdict.OK
    found = _memory(dataclasses.replace(facts, software=software(runs_kernels=False)))
    assert found.verdict is Verdict.FAILED and "float32" in found.found and "--quantize" not in found.remedy


def test_processes_that_use_a_gpu_need_ram_too() -> None:
    """Hardly any is a failure, little a warning."""
    for available, verdict in ((32, Verdict.OK), (4, Verdict.WARNING), (0.5, Verdict.FAILED)):
        memory = Memory(total_bytes=64 * GB, available_bytes=int(available * GB))
        found = check_ram(machine(config(instances=2), gpus=(gpu(),), memory=memory))
        assert found and found.verdict is verdict
    assert check_ram(machine()) is None


def test_more_instances_or_threads_than_cores_are_a_warning() -> None:
    """By the control group's quota, too."""
    eight = machine(config(instances=8))
    assert check_cores(eight).verdict is Verdict.OK
    quota = dataclasses.replace(eight, cores=Cores(ids=tuple(range(8)), count=8, quota=2.0))
    assert check_cores(quota).verdict is Verdict.WARNING
    assert check_cores(quota).remedy == "--instances 2"
    threads = check_cores(machine(config(instances=2, threads=8)))
    assert (threads.verdict, threads.remedy) == (Verdict.WARNING, "--threads 4")
    assert check_cores(machine(config(instances=20), gpus=(gpu(),))).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("cores", "instances", "verdict"),
    [("0-3", 1, Verdict.OK), ("0-3", 2, Verdict.WARNING), ("0-8", 1, Verdict.FAILED), ("few", 1, Verdict.FAILED)],
)
def test_cores_to_stay_on_must_be_there(cores: str, instances: int, verdict: Verdict) -> None:
    """An instance would refuse to start otherwise."""
    found = check_pinning(machine(config(instances=instances, cores=cores)))
    assert found and found.verdict is verdict
    assert check_pinning(machine()) is None
