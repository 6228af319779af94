"""A DNS name each of whose addresses is an upstream of its own: a headless service, or any name with several machines.

It is looked up again and again; addresses come and go, and what runs on one that goes may finish. The invariants: as
long as the resolver cannot tell, nothing changes; and where it says that there is nobody, those who answer stay, for an
outage of DNS must not become one of speech recognition.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from urllib.parse import urlsplit

from harken.dispatch.lines.upstream import Upstream
from harken.fleet.owner import WatchfulOwner
from harken.log import get_log

ADDRESSES_MAX = 1000
"""Of one name; more are left alone, in the order of their text."""

_log = get_log("fleet.dns")

Lookup = Callable[[str], Awaitable[frozenset[str]]]
"""Tells the addresses of a host name; raises `OSError` where that cannot be told."""

Add = Callable[[Upstream], None]
"""Has an upstream looked at and used."""


def staying(known: Collection[str], told: Collection[str], answering: Collection[str]) -> set[str]:
    """Say which addresses there are from now on. Pure.

    Args:
        known: those there were.
        told: what the resolver said.
        answering: those of the known that take work.
    """
    if not told:
        return set(known) & set(answering)
    return set(sorted(told)[:ADDRESSES_MAX])


class DnsName:
    """One name.

    Args:
        upstream: what is known of each address; its URL has the name.
        owner: told of those who go: the dispatcher.
        add: tells it of those who come.
        is_taken: tells whether there is one of that name or at that place already, which has it twice otherwise.
        lookup: asks the resolver.
        interval_s: from one look-up to the next, in seconds.
        drain_timeout_s: how long what runs on an address that is gone may take.
    """

    def __init__(
        self,
        upstream: Upstream,
        owner: WatchfulOwner,
        add: Add,
        *,
        is_taken: Callable[[Upstream], bool],
        lookup: Lookup,
        interval_s: float,
        drain_timeout_s: float,
    ) -> None:
        self.upstream = upstream
        self.detail = ""
        self._owner = owner
        self._add = add
        self._is_taken = is_taken
        self._taken: set[str] = set()
        self._lookup = lookup
        self._interval_s = interval_s
        self._drain_timeout_s = drain_timeout_s
        self._host = urlsplit(upstream.url).hostname or ""
        self._known: dict[str, Upstream] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}

    @property
    def targets(self) -> tuple[Upstream, ...]:
        """One for each address, in their order; also those that only finish what they have."""
        return tuple(self._known.values())

    async def run(self) -> None:
        """Look it up until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._look(group)
                await asyncio.sleep(self._interval_s)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        try:
            told = await self._lookup(self._host)
        except (OSError, UnicodeError) as error:
            # UnicodeError: a label too long for DNS, of a name that the configuration let pass.
            self._say(f"{self._host} cannot be looked up: {error}.")
            return
        self._taken &= told
        self._say("" if told else f"{self._host} has no address.")
        answering = [address for address, one in self._known.items() if self._owner.takes_work(one.name)]
        now = staying(self._known, told, answering)
        coming = now - (self._known.keys() - self._leaving.keys())
        for address in sorted(coming, key=_in_order):
            self._come(address)
        if coming:
            self._known = {address: self._known[address] for address in sorted(self._known, key=_in_order)}
        for address in self._known.keys() - now - self._leaving.keys():
            _log.info("dns.address_gone", name=self._host, address=address)
            self._leaving[address] = group.create_task(self._go(address))

    def _say(self, detail: str) -> None:
        if detail and detail != self.detail:
            _log.warning("dns.unclear", name=self._host, detail=detail)
        elif self.detail and not detail:
            _log.info("dns.clear", name=self._host)
        self.detail = detail

    def _come(self, address: str) -> None:
        leaving = self._leaving.pop(address, None)
        if leaving is not None:
            leaving.cancel()
            del self._known[address]  # it is no other's, and comes back as a new one
        one = at_address(self.upstream, address)
        if self._is_taken(one):
            if address not in self._taken:
                _log.warning("dns.address_taken", name=self._host, address=address, target=one.name)
            self._taken.add(address)
            return
        _log.info("dns.address_found", name=self._host, address=address)
        self._known[address] = one
        self._add(one)

    async def _go(self, address: str) -> None:
        name = self._known[address].name
        self._owner.drain_target(name)
        await self._owner.wait_drained(name, self._drain_timeout_s)
        self._owner.remove_target(name)
        del self._known[address], self._leaving[address]


def at_address(upstream: Upstream, address: str) -> Upstream:
    """The same upstream at one of its addresses; its name has that too."""
    parts = urlsplit(upstream.url)
    place = f"[{address}]" if ":" in address else address
    netloc = place if parts.port is None else f"{place}:{parts.port}"
    return replace(
        upstream, name=f"{upstream.name}-{_as_name(address)}", url=parts._replace(netloc=netloc).geturl(), is_dns=False
    )


def _as_name(address: str) -> str:
    """An address in the letters of a name: "::1" is "0_1", "fd00::a:1" is "fd00_a-1"; no two have the same."""
    first, gap, last = address.partition("::")
    whole = f"{first or '0'}_{last or '0'}" if gap else address
    return whole.replace(":", "-").replace("%", ".")


def _in_order(address: str) -> tuple[int, int, str]:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return 9, 0, address
    return parsed.version, int(parsed), ""
