"""How instances are laid out on a machine."""

from __future__ import annotations

import dataclasses

import pytest

from harken.config import AutoscaleConfig, Config, FleetConfig, InstanceConfig, LimitsConfig, LogConfig, load_config
from harken.fleet.machine import Machine
from harken.fleet.plan import divide, lay, plan, starts_at_once, variables

LAPTOP = Machine(cores=8, has_gpu=False)
SERVER = Machine(cores=64, has_gpu=True)


def test_names_and_ports_follow_each_other() -> None:
    """Four instances from port 7861, as the deployment guide has them."""
    laid = plan(Config(), LAPTOP)
    assert [(one.name, one.port) for one in laid] == [
        ("asr-1", 7861),
        ("asr-2", 7862),
        ("asr-3", 7863),
        ("asr-4", 7864),
    ]


def test_port_zero_lets_each_choose() -> None:
    """No two get the same number, because none gets one."""
    assert {one.port for one in plan(Config(fleet=FleetConfig(first_port=0)), LAPTOP)} == {0}


@pytest.mark.parametrize(("cores", "instances", "threads"), [(8, 4, 2), (8, 3, 2), (2, 4, 1), (16, 1, 16)])
def test_cores_are_shared_evenly(cores: int, instances: int, threads: int) -> None:
    """At least one thread each."""
    config = Config(fleet=FleetConfig(instances=instances))
    assert {one.threads for one in plan(config, Machine(cores=cores, has_gpu=False))} == {threads}


def test_threads_that_were_asked_for_are_kept() -> None:
    """The operator knows better."""
    config = Config(instance=InstanceConfig(threads=5))
    assert {one.threads for one in plan(config, LAPTOP)} == {5}


@pytest.mark.parametrize(
    ("group", "machine", "wanted"),
    [("cpu", LAPTOP, 8), ("cpu", SERVER, 64), ("auto", SERVER, 1), ("cuda:1", SERVER, 1)],
)
def test_instances_start_one_after_another_on_a_gpu(group: str, machine: Machine, wanted: int) -> None:
    """Two that look at the free memory at once would both count the same bytes."""
    assert starts_at_once(group, machine) == wanted


def test_instances_are_dealt_out_over_devices_and_divide_their_memory() -> None:
    """Three on the first GPU, two on the second."""
    config = Config(fleet=FleetConfig(instances=5, devices="cuda:0,cuda:1"))
    laid = plan(config, SERVER)
    assert [one.device for one in laid] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"]
    assert [one.memory_share for one in laid] == pytest.approx([0.3, 0.45, 0.3, 0.45, 0.3])


def test_without_devices_every_instance_has_the_configured_one() -> None:
    """As it was: all on the first GPU, which they share."""
    laid = plan(Config(instance=InstanceConfig(memory_share=0.8)), SERVER)
    assert {(one.device, one.memory_share) for one in laid} == {("auto", 0.2)}


def test_all_devices_are_those_that_were_counted() -> None:
    """One instance on each of two GPUs has its memory alone."""
    config = Config(fleet=FleetConfig(instances=2, devices="all"))
    laid = plan(config, Machine(cores=8, has_gpu=True, gpus=2))
    assert [(one.device, one.memory_share) for one in laid] == [("cuda:0", 0.9), ("cuda:1", 0.9)]


def test_a_child_reads_exactly_what_the_plan_says() -> None:
    """Every key arrives, and nothing in the parent's surroundings changes it."""
    config = Config(
        instance=InstanceConfig(model="digits", slots=3, device="cpu", memory_share=0.7),
        limits=LimitsConfig(audio_s=12.5),
        log=LogConfig(level="warning", format="console"),
    )
    instance = plan(config, LAPTOP)[2]
    env = variables(instance, config, {"PATH": "/bin", "HARKEN_INSTANCE_MODEL": "other", "HARKEN_CONFIG": "x.toml"})
    read = load_config(env=env)
    assert read.instance == instance
    assert read.limits == config.limits
    assert read.log == dataclasses.replace(config.log, format="json")
    assert env["PATH"] == "/bin"
    assert "HARKEN_CONFIG" not in env
    assert not read.jobs.is_enabled, "the gateway alone keeps jobs"
    assert read.auth.keys == "off", "the gateway alone asks for keys"
    assert read.cache.bytes == 0, "nothing that the gateway knows comes here"


def test_pinned_instances_have_cores_of_their_own() -> None:
    """As many as they have threads; whoever comes later shares an earlier one's."""
    config = Config(fleet=FleetConfig(instances=2, pins_cores=True))
    machine = Machine(cores=4, has_gpu=False, core_numbers=(0, 1, 4, 5))
    assert [one.cores for one in plan(config, machine)] == ["0-1", "4-5"]
    assert lay(3, "auto", config, machine, divide(("auto", "auto"), config, machine)).cores == "0-1"


def test_a_gpu_that_somebody_else_fills_gets_fewer_instances_with_larger_shares() -> None:
    """Three on the empty one, one on the other, each with its part of its own device."""
    config = Config(fleet=FleetConfig(instances=4, devices="cuda:0,cuda:1"))
    machine = Machine(cores=8, has_gpu=True, free_bytes={"cuda:0": 20, "cuda:1": 80})
    laid = plan(config, machine)
    assert [one.device for one in laid] == ["cuda:1", "cuda:1", "cuda:1", "cuda:0"]
    assert [one.memory_share for one in laid] == pytest.approx([0.3, 0.3, 0.3, 0.9])


def test_an_autoscaled_fleet_leaves_memory_for_those_that_may_come() -> None:
    """Of a GPU, an eighth each; cores are shared among those that are there."""
    fleet = FleetConfig(instances=2, devices="cuda:0")
    config = Config(fleet=fleet, autoscale=AutoscaleConfig(mode="on", min=2, max=8))
    laid = plan(config, SERVER)
    assert [one.memory_share for one in laid] == pytest.approx([0.9 / 8, 0.9 / 8])
    assert [one.threads for one in laid] == [32, 32]
