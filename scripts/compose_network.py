"""A network of containers without Docker: a namespace for each, a bridge between them, a DNS server for their names.

Owns namespaces, addresses and names. Nothing of this machine's own network is touched: the bridge is in a namespace of
its own, without a way out. Needs root, iproute2 and dnsmasq. The invariant: what was made here is gone afterwards.
"""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUBNET = "10.77.0"
PREFIX = "harken-"
"""What Docker puts before a service's name where it calls a container: the project's."""


class Network:
    """Namespaces on one bridge.

    Args:
        folder: for the names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = f"hk{os.getpid()}"
        self._made: list[str] = []
        self._names: dict[str, list[str]] = defaultdict(list)
        self._dns: subprocess.Popen[bytes] | None = None

    @property
    def switch(self) -> str:
        """The namespace of the bridge, from which everybody is reached."""
        return f"/run/netns/{self._mark}"

    @property
    def resolver(self) -> Path:
        """A resolv.conf that asks here."""
        return self._folder / "resolv.conf"

    @contextmanager
    def up(self) -> Iterator[Network]:
        """Have the bridge and the DNS server."""
        self._add(self._mark)
        try:
            for line in ("link add name hub type bridge", f"addr add {SUBNET}.1/24 dev hub", "link set hub up"):
                self._ip(self._mark, line)
            self.resolver.write_text(f"nameserver {SUBNET}.1\noptions ndots:0\n", encoding="ascii")
            self._say()
            yield self
        finally:
            if self._dns is not None:
                self._dns.kill()
                self._dns.wait()
            for name in self._made:
                subprocess.run(["ip", "netns", "del", name], check=False)

    def join(self, service: str, number: int) -> str:
        """Make a namespace for a container, known by its service's name and by its own; return its path."""
        name = f"{self._mark}-{service}-{number}"
        address = f"{SUBNET}.{len(self._made) + 10}"
        self._add(name)
        end = f"v{len(self._made)}"
        self._ip(self._mark, f"link add {end} type veth peer name eth0 netns {name}")
        self._ip(self._mark, f"link set {end} master hub up")
        for line in (f"addr add {address}/24 dev eth0", "link set eth0 up"):
            self._ip(name, line)
        self._names[service].append(address)
        self._names[f"{PREFIX}{service}-{number}"].append(address)
        self._say()
        return f"/run/netns/{name}"

    def leave(self, service: str, number: int) -> None:
        """Forget the address of a container that has ended."""
        (address,) = self._names.pop(f"{PREFIX}{service}-{number}")
        self._names[service].remove(address)
        self._say()

    def _add(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._made.append(name)
        self._ip(name, "link set lo up")

    def _ip(self, name: str, line: str) -> None:
        subprocess.run(["ip", "-n", name, *line.split()], check=True)

    def _say(self) -> None:
        """Tell the DNS server all names: anew, as it reads them at its start."""
        lines = [f"{address} {name}\n" for name, addresses in self._names.items() for address in addresses]
        hosts = self._folder / "hosts"
        hosts.write_text("".join(lines), encoding="ascii")
        if self._dns is not None:
            self._dns.kill()
            self._dns.wait()
        flags = ["--keep-in-foreground", "--no-resolv", "--no-hosts", f"--addn-hosts={hosts}", "--pid-file="]
        flags += ["--bind-interfaces", f"--listen-address={SUBNET}.1", "--user=root", "--conf-file=/dev/null"]
        self._dns = subprocess.Popen([*f"ip netns exec {self._mark} dnsmasq".split(), *flags])
