"""How a process is started by somebody else."""

from __future__ import annotations

import dataclasses

import pytest

from harken.config import Config, FleetConfig, GatewayConfig, InstanceConfig, load_config
from harken.errors import ConfigError
from harken.ops.export.launch import Site, launch_of_gateway, launches_of_instances

SITE = Site(
    python="/opt/harken/bin/python",
    config_file="/etc/harken.toml",
    home="/var/lib/h",
    state_folder="/data/h",
    models_folder="/data/models",
)


def launched(device: str, **changes: str) -> dict[str, str]:
    """The surroundings of an instance on a device."""
    (launch,) = launches_of_instances([InstanceConfig(device=device)], Config(), Config(), SITE)
    return launch.environment


@pytest.mark.parametrize(
    ("device", "visible", "own"),
    [("cuda:0", "0", "cuda:0"), ("cuda:3", "3", "cuda:0"), ("cuda", "0", "cuda"), ("cpu", "", "cpu")],
)
def test_an_instance_sees_its_gpu_alone(device: str, visible: str, own: str) -> None:
    """CUDA's number 0 is whichever it was dealt."""
    env = launched(device)
    assert env["CUDA_VISIBLE_DEVICES"] == visible
    assert load_config(env={name: text for name, text in env.items() if "HARKEN" in name}).instance.device == own


def test_a_device_that_is_left_to_the_instance_is_left_to_it() -> None:
    """With "auto", nothing is hidden."""
    assert "CUDA_VISIBLE_DEVICES" not in launched("auto")


def test_a_process_may_take_longer_to_leave_than_it_drains() -> None:
    """Whoever stops it must not kill it in the middle of a recording."""
    config = Config(gateway=GatewayConfig(drain_timeout_s=120.5))
    assert launch_of_gateway(config, Config(), SITE).stop_s > 121
    (one,) = launches_of_instances([InstanceConfig(drain_timeout_s=40)], Config(), Config(), SITE)
    assert one.stop_s > 40


def test_the_command_reads_the_file_and_trusts_no_working_directory() -> None:
    """-P, and absolute paths; without a file there is no --config."""
    launch = launch_of_gateway(Config(), Config(), SITE)
    assert launch.command == ("/opt/harken/bin/python", "-P", "-m", "harken", "up", "--config", "/etc/harken.toml")
    alone = launch_of_gateway(Config(), Config(), dataclasses.replace(SITE, config_file=""))
    assert alone.command[-1] == "up"
    own = {"HARKEN_STATE_FOLDER": "/data/h", "HARKEN_MODELS_FOLDER": "/data/models", "HOME": "/var/lib/h"}
    assert launch.environment == own


@pytest.mark.parametrize("fleet", [FleetConfig(instances=0, upstreams="http://a"), FleetConfig(first_port=0)])
def test_instances_that_nobody_could_find_are_refused(fleet: FleetConfig) -> None:
    """None, or on ports that the system chooses."""
    with pytest.raises(ConfigError):
        launches_of_instances([], Config(fleet=fleet), Config(), SITE)
