"""Ports, folders and limits: what the fleet would take, tried without keeping it.

A port is tried by binding it, in the same way as the server does, so the message names its holder. Folders are looked
at and not made.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence

from harken.config import Config, InstanceConfig
from harken.errors import ConfigError
from harken.machine.disk import Disk, disk_of
from harken.models.store import models_folder
from harken.ops.doctor.facts import Port
from harken.server.descriptors import ENOUGH
from harken.server.port import bind
from harken.state.folder import state_folder


def wanted_ports(config: Config, instances: Sequence[InstanceConfig]) -> tuple[Port, ...]:
    """The ports of the fleet, but for those that the system chooses (pure)."""
    own = config.gateway
    ports = [Port(owner="gateway", host=own.host, number=own.port)]
    ports += [Port(owner=one.name, host=one.host, number=one.port) for one in instances]
    return tuple(port for port in ports if port.number)


def try_port(port: Port) -> str:
    """Bind a port for a moment; say why it cannot be had, "" where it can.

    Without listening: a server that starts at this very moment must get it.
    """
    try:
        bind(port.host, port.number).close()
    except ConfigError as error:
        return error.message
    return ""


def state_disk(config: Config, env: Mapping[str, str]) -> Disk:
    """The state folder's disk."""
    return disk_of(state_folder(config.state, env))


def weights_disk(config: Config, env: Mapping[str, str]) -> Disk:
    """The disk on which `harken pull` keeps models."""
    return disk_of(models_folder(config.models, env))


def reachable_descriptors() -> int:
    """Files and sockets that a server of ours may have open: it raises its own limit as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if hard == resource.RLIM_INFINITY else max(soft, min(hard, ENOUGH))
