"""Which addresses a webhook may go to: public ones, unless the operator allows others.

A client names the URL, but the request comes from inside the operator's network: without this a job could make the
server talk to its own admin routes or to a cloud's metadata service. Pure. What `check_url`
reads in the text only spares a delivery that must fail. The invariant is kept by `courier` when it connects: the
address that is checked is the one that is connected to, however the URL led there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from harken.errors import ClientError

URL_CHARACTERS = 2000

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public Internet, whatever it is wrapped in."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    # A network that speaks only IPv6 reaches public IPv4 hosts by such addresses: what is inside decides.
    outside = () if found in _NAT64 else (found,)
    return all(_is_public(one) for one in (*outside, *_inside(found)))


def check_url(url: str, *, allows_private: bool) -> str:
    """Check a webhook's URL as far as its text says; return it.

    Raises:
        ClientError: it is no plain http(s) URL, or names an address that webhooks may not go to.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    # Other scripts have digits and dots too, which become an address's on the way: in URLs they are written otherwise.
    is_plain = url.isascii() and url.isprintable() and len(url) <= URL_CHARACTERS
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise ClientError(
            f"webhook must be an http or https URL of at most {URL_CHARACTERS} ASCII characters.", field="webhook"
        )
    if parts.username is not None or parts.password is not None:
        raise ClientError("webhook must not hold a user name or password.", field="webhook")
    if not allows_private and is_address(host) and not is_public(host):
        raise ClientError(f"webhook names {host}, which is not a public address.", field="webhook")
    if not allows_private and (host == "localhost" or host.endswith(".localhost")):
        raise ClientError("webhook names this machine, which is not a public address.", field="webhook")
    return url


def is_address(host: str) -> bool:
    """Tell an IP address from a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_public(address: _Address) -> bool:
    is_odd = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not is_odd


def _inside(address: _Address) -> list[_Address]:
    """IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[_Address] = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found
