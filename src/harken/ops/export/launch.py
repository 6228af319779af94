"""How one process of Harken is started by somebody else: its command, its surroundings, its patience.

Pure: what was planned in, plain data out, the same for every tool. The invariant: a process sees the GPU that was
dealt to it and no other, so CUDA's number 0 is its own whatever the machine calls it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from harken.config import Config, InstanceConfig
from harken.errors import ConfigError
from harken.ops.export.settings import settings_of_gateway, settings_of_instance

STOP_MARGIN_S = 30
"""Beyond the drain: for closing connections, the instances of a gateway, and the interpreter."""

_CUDA = re.compile(r"cuda:(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where the processes will live.

    Attributes:
        python: the interpreter that has Harken.
        config_file: an absolute path; "" for none.
        home: of the service's user: state and what the hub's own cache holds lie below it.
        state_folder: where jobs and keys are kept.
        models_folder: where pulled models are; an absolute path, since the usual one moves with the home.
    """

    python: str
    config_file: str = ""
    home: str
    state_folder: str
    models_folder: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One process.

    Attributes:
        name: "asr-1", or "gateway".
        command: program and arguments.
        environment: variables that it needs beside those of every process.
        stop_s: how long it may take to leave after SIGTERM.
        withheld: settings that may hold a password and were left out, as "section.key".
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    stop_s: int
    withheld: tuple[str, ...] = ()


def launch_of_gateway(config: Config, file: Config, site: Site) -> Launch:
    """Say how `harken up` is started: the gateway, which looks after its instances itself."""
    settings = settings_of_gateway(config, file)
    return Launch(
        name="gateway",
        command=_command(site, "up"),
        environment={**settings.variables, **_home(site)},
        stop_s=math.ceil(config.gateway.drain_timeout_s) + STOP_MARGIN_S,
        withheld=settings.withheld,
    )


def launches_of_instances(
    instances: Sequence[InstanceConfig], config: Config, file: Config, site: Site
) -> tuple[Launch, ...]:
    """Say how each instance is started by itself, with `harken serve`.

    Raises:
        ConfigError: there are none, or their ports are left to the system.
    """
    check_ports(config)
    return tuple(_launch_of_instance(one, config, file, site) for one in instances)


def check_ports(config: Config) -> None:
    """Refuse what nobody could be told to find.

    Raises:
        ConfigError: there are no instances, or their ports are left to the system.
    """
    if not config.fleet.instances:
        raise ConfigError("fleet.instances is 0: there is no instance on this machine to write anything for.")
    if not config.fleet.first_port:
        raise ConfigError("fleet.first_port is 0: instances that others are to find need ports that are known.")


def _launch_of_instance(instance: InstanceConfig, config: Config, file: Config, site: Site) -> Launch:
    device, visible = _as_seen(instance.device)
    settings = settings_of_instance(dataclasses.replace(instance, device=device), config, file)
    cuda = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return Launch(
        name=instance.name,
        command=_command(site, "serve"),
        environment={**cuda, **settings.variables, **_home(site)},
        stop_s=math.ceil(instance.drain_timeout_s) + STOP_MARGIN_S,
        withheld=settings.withheld,
    )


def _as_seen(device: str) -> tuple[str, str | None]:
    """Return a device as the process names it, and the GPUs that it sees; None where that is left as it is."""
    if found := _CUDA.fullmatch(device):
        return "cuda:0", found[1]
    return device, {"cuda": "0", "cpu": ""}.get(device)


def _command(site: Site, command: str) -> tuple[str, ...]:
    # -P: nothing in the working directory can take the place of a module.
    config = ("--config", site.config_file) if site.config_file else ()
    return (site.python, "-P", "-m", "harken", command, *config)


def _home(site: Site) -> dict[str, str]:
    # A supervisor that changes the user leaves HOME as it was: root's.
    return {
        "HARKEN_STATE_FOLDER": site.state_folder,
        "HARKEN_MODELS_FOLDER": site.models_folder,
        "HOME": site.home,
    }
