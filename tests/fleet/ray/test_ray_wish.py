"""What an instance asks of a Ray cluster: read, refused, and told while there is no room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harken.config import Config, FleetConfig, InstanceConfig, RayConfig
from harken.errors import ConfigError
from harken.fleet.ray.plan import RayPlan
from harken.fleet.ray.wish import Wish, lack, parse_resources, wish_of

ONE = Wish(num_cpus=1.0, num_gpus=0.0)


ODD_ADDRESSES = (" ", "foo", "10.0.0.1", "host:abc", "host:0", "host:65536", "host:", ":6379", "::1:6379", "a b:6379")


@pytest.mark.parametrize("address", ["auto", "local", "10.0.0.1:6379", "head.example:1", "[::1]:65535"])
def test_addresses_of_heads_are_taken(address: str) -> None:
    """A name, or a number of either kind, with a port."""
    assert wish_of(Config(ray=RayConfig(address=address))).num_cpus == 1.0


@pytest.mark.parametrize(
    ("text", "found"),
    [("", {}), (" , ", {}), ("asr=1", {"asr": 1.0}), ("asr=1, nvme = 0.5", {"asr": 1.0, "nvme": 0.5})],
)
def test_resources_are_read(text: str, found: dict[str, float]) -> None:
    """Names and amounts, separated by commas."""
    assert parse_resources(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("asr", "=1", "asr=", "asr=x", "asr=0", "asr=-1", "asr=inf", "asr=nan", "asr=1.5", "GPU=1", "a=1,a=1"),
        *("asr=0.00001", "asr=1e15"),
    ],
)
def test_resources_that_ray_would_not_take_are_refused(text: str) -> None:
    """Before anything is started."""
    with pytest.raises(ConfigError, match=r"Ray|resources"):
        parse_resources(text)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (Config(ray=RayConfig(placement="pack")), "placement"),
        (Config(ray=RayConfig(address="ray://head:10001")), "address"),
        *((Config(ray=RayConfig(address=address)), "address") for address in ODD_ADDRESSES),
        (Config(ray=RayConfig(num_cpus=0.00001)), r"num_cpus.* parts of 0.0001"),
        (Config(ray=RayConfig(num_cpus=1e15)), "num_cpus"),
        (Config(ray=RayConfig(num_gpus=0.00001)), r"num_gpus.* parts of 0.0001"),
        (Config(fleet=FleetConfig(devices="all")), "devices"),
        (Config(fleet=FleetConfig(mps="auto")), "mps"),
        (Config(fleet=FleetConfig(pins_cores=True)), "Cores"),
        (Config(instance=InstanceConfig(cores="0-3")), "Cores"),
        (Config(instance=InstanceConfig(device="cuda:1"), ray=RayConfig(num_gpus=1)), "device"),
        (Config(instance=InstanceConfig(device="cuda")), "device"),
        (Config(instance=InstanceConfig(device="cpu"), ray=RayConfig(num_gpus=0.5)), "device"),
    ],
)
def test_what_only_this_machine_has_is_refused(config: Config, word: str) -> None:
    """With the key that is meant."""
    with pytest.raises(ConfigError, match=word):
        wish_of(config)


def test_an_instance_takes_no_more_of_a_gpu_than_it_asked_for() -> None:
    """Half a GPU is half of what one alone might have of its memory; its threads are its CPUs."""
    config = Config(ray=RayConfig(num_gpus=0.5, num_cpus=3.5))
    laid = RayPlan(config, wish_of(config)).laid("asr-7", "cuda", "digits")
    assert (laid.device, laid.memory_share, laid.threads) == ("cuda", 0.45, 3)
    assert (laid.name, laid.model, laid.port) == ("asr-7", "digits", 0)
    whole = replace(config, ray=replace(config.ray, num_gpus=1.0))
    assert RayPlan(whole, wish_of(whole)).laid("asr-1", "cuda", "digits").memory_share == 0.9


def test_a_lack_of_room_is_told_with_what_there_is() -> None:
    """A cluster that is full reads unlike one that could never do."""
    full = lack(ONE, [{"CPU": 2.0}, {"CPU": 1.0}], {})
    assert full == "It waits for room in the Ray cluster: it needs 1 CPU; free are 0 CPU in 2 nodes together."
    never = lack(Wish(num_cpus=1.0, num_gpus=0.5), [{"CPU": 2.0}], {"CPU": 2.0})
    assert never.endswith(
        "it needs 1 CPU and 0.5 GPU, and none of 1 nodes has that; the most of one is 2 CPU and 0 GPU."
    )
    assert "none of 0 nodes" in lack(ONE, [], {})
