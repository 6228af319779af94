"""Machines that are network namespaces: each with its own address, on one bridge, and a cable that can be pulled.

Real kernels, real TCP, no container engine. Where this process is not root it becomes so in a user namespace of its
own (`inside_a_network`), which touches nothing of the machine's. Everything is gone with the last process inside.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MARK = "OWN_TEST_NETWORK"
_UNSHARE = ("unshare", "--map-root-user", "--net", "--mount", "--kill-child", "--fork")
_PREFIX = "10.77.0"


def can_have_networks() -> bool:
    """Whether this machine lets us have namespaces: some containers do not."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    attempt = [*_UNSHARE, "mount", "-t", "tmpfs", "t", "/run"]
    return subprocess.run(attempt, capture_output=True, check=False).returncode == 0


def inside_a_network(command: Sequence[str]) -> list[str]:
    """The command line that runs another one as root of a network of its own, where `Network` works."""
    return [*_UNSHARE, "env", f"{_MARK}=1", *command]


def is_inside() -> bool:
    """This process runs in such a network."""
    return _MARK in os.environ


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """One of them.

    Attributes:
        name: of its namespace.
        address: its own.
    """

    name: str
    address: str

    def command(self, *command: str) -> list[str]:
        """The command line that runs another one there."""
        return ["ip", "netns", "exec", self.name, *command]

    def unplug(self) -> None:
        """Pull its cable: packets are lost in silence, connections stay as they are."""
        _ip("link", "set", f"v-{self.name}", "down")

    def plug_in(self) -> None:
        """Put it back."""
        _ip("link", "set", f"v-{self.name}", "up")


class Network:
    """A bridge with machines on it; this process is on it too, as `address`."""

    address = f"{_PREFIX}.254"

    def __init__(self) -> None:
        assert is_inside(), "only in a network of our own: see inside_a_network"
        subprocess.run(["mount", "-t", "tmpfs", "t", "/run"], check=True)
        Path("/run/netns").mkdir(parents=True)
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "bridge", "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", "bridge")
        _ip("link", "set", "bridge", "up")
        self._count = 0

    def machine(self, name: str) -> Machine:
        """Another one."""
        self._count += 1
        one = Machine(name=name, address=f"{_PREFIX}.{self._count}")
        _ip("netns", "add", name)
        _ip("link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"v-{name}", "master", "bridge", "up")
        for part in (
            ("addr", "add", f"{one.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", name, *part)
        return one


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdout=sys.stderr)
