"""Whether strangers can reach a server, and what is said then: once, at its start.

Owns what counts as open: an address beyond this machine without keys, or with keys that travel in the clear. It changes
nothing: an operator may have a firewall or a proxy that we do not see. The invariant: a server that nobody but this
machine reaches says nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from harken.errors import StateUnavailable
from harken.keys import Admission
from harken.log import get_log

OPEN = "server.open_to_network"
IN_CLEAR = "server.keys_in_clear"

_ADVICE = {
    OPEN: "Whoever reaches this address may use it. Make a key (harken keys add NAME) or listen on 127.0.0.1.",
    IN_CLEAR: "Keys and recordings travel unencrypted. Set gateway.tls_cert and tls_key, or put a TLS proxy in front.",
}

_NO_KEYS_HERE = (
    "Whoever reaches this address may use it, and no key is asked for here (auth.keys is off, as for all instances of "
    "a gateway). Listen on 127.0.0.1: gateway.host, fleet.host, or --host."
)

_log = get_log("server.exposure")


async def warn_if_open(name: str, host: str, admission: Admission | None, *, has_tls: bool = False) -> None:
    """Log a warning if strangers can reach a server; return soon.

    Args:
        name: of the server.
        host: the address that it listens on.
        admission: asks for keys; None where no key is ever needed.
        has_tls: what travels is encrypted.
    """
    if not await asyncio.to_thread(is_reachable, host):
        return
    try:
        needs_keys = admission is not None and await admission.ring.is_needed()
    except StateUnavailable:
        return  # nobody comes in, and the log says why
    event = warning(needs_keys=needs_keys, has_tls=has_tls)
    if event is not None:
        advice = _NO_KEYS_HERE if admission is None else _ADVICE[event]
        _log.warning(event, server=name, host=host, advice=advice)


def warning(*, needs_keys: bool, has_tls: bool) -> str | None:
    """Say what is to be warned of on a server that strangers reach; None for nothing. Pure."""
    if not needs_keys:
        return OPEN
    return None if has_tls else IN_CLEAR


def is_reachable(host: str) -> bool:
    """Whether a listener on this address is reached from other machines; asks the resolver for names."""
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return True  # it listens there, so somebody knows where that is
    return not all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)
