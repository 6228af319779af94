"""nginx's configuration, in front of four instances as the deployment guide has it, or in front of the gateway.

Pure. Owns what nginx has to be told so that it loses nothing that Harken keeps: no request is sent twice, events are
not held back, a loading instance is gone round, and what is for this machine alone stays here. It refuses to know how
nginx is started. The invariant: a POST that reached an instance and was accepted there never goes to a second one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from harken.config import Config, InstanceConfig
from harken.errors import ConfigError
from harken.ops.export import nginx_text as text
from harken.ops.export.document import HEADING, Document, check_plain
from harken.ops.export.launch import check_ports

FILE = "harken.conf"

GUIDE_TIMEOUT_S = 300

GATEWAY_TIMEOUT_S = 3600
"""A gateway bounds each segment's time itself; a day of speech in one request is silent for long."""

_MIB = 1024 * 1024
_MOST_WEIGHT = 10_000
_PORT_MAX = 65_535
_LISTEN = re.compile(r"(?:(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]/]+):)?(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """What nginx is to be towards the outside.

    Attributes:
        listen: address and port, or a port; "" for the gateway's own, or 80 or 443 before a gateway.
        server_name: the host that it answers for; "_" for every one.
        tls_cert: a certificate with its chain, as PEM; "" for none.
        tls_key: its key.
        body_mb: the largest body in MiB; 0 for what Harken accepts itself.
        timeout_s: of body, connect, send and read; 0 for the guide's 300 s, or an hour before a gateway.
        rate: requests per second of one client's address; 0 for no limit.
        folder: write a whole nginx.conf that keeps everything there; "" for a part of Debian's.
    """

    listen: str = ""
    server_name: str = "_"
    tls_cert: str = ""
    tls_key: str = ""
    body_mb: int = 0
    timeout_s: int = 0
    rate: int = 0
    folder: str = ""


def before_instances(
    config: Config, instances: Sequence[InstanceConfig], weights: Sequence[float], door: Door
) -> Document:
    """Write the guide's balancer: nginx in the gateway's place, before `harken serve` on each port.

    Args:
        config: whose limits hold.
        instances: as planned.
        weights: of each.
        door: towards the outside.

    Raises:
        ConfigError: nothing is there to balance, or something cannot be written.
    """
    check_ports(config)
    places = (place_of(reached(one.host), one.port) for one in instances)
    servers = [f"server {place} weight={weight}" for place, weight in zip(places, whole_weights(weights), strict=True)]
    upstream = text.UPSTREAM.format(servers=_lines(servers, "max_fails=1 fail_timeout=3s"))
    upstream += text.LIVE_UPSTREAM.format(servers=_lines(servers, "max_fails=0"))
    listen = door.listen or _own_place(config)
    lost = "fleet.upstreams are not in it: nginx cannot send their keys. Use harken up for them."
    notes = (lost,) if config.fleet.upstreams.strip() else ()
    door = replace(door, listen=listen, timeout_s=door.timeout_s or GUIDE_TIMEOUT_S)
    speaking = _speaking(scheme="http", speakers="harken_live", elsewhere=text.ELSEWHERE)
    return _document(config, door, upstream, text.INSTANCES + speaking, notes=notes)


def before_gateway(config: Config, door: Door) -> Document:
    """Write a front for `harken up`: TLS, a limit of requests, and nothing that the gateway does better.

    Raises:
        ConfigError: the gateway has no port that is known, or something cannot be written.
    """
    _own_place(config)
    own = config.gateway
    upstream = text.GATEWAY_UPSTREAM.format(server=place_of(reached(own.host), own.port))
    listen = door.listen or ("443" if door.tls_cert else "80")
    door = replace(door, listen=listen, timeout_s=door.timeout_s or GATEWAY_TIMEOUT_S)
    speaking = _speaking(scheme="{scheme}", speakers="harken", elsewhere="")
    return _document(config, door, upstream, text.GATEWAY + speaking, notes=())


def reached(host: str) -> str:
    """Return the address under which a listener on this one is reached from the same machine."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def place_of(host: str, port: int) -> str:
    """Write an address as nginx takes it in `listen` and in `server`."""
    check_plain(host, "The host", never=" ;{}\"'\\$#")
    if not host:
        return str(port)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def whole_weights(weights: Sequence[float]) -> tuple[int, ...]:
    """Turn weights into the smallest whole numbers of the same proportions: nginx knows no others.

    Raises:
        ConfigError: they are too far apart for that.
    """
    parts = [Fraction(weight).limit_denominator(100) for weight in weights]
    factor = math.lcm(*(part.denominator for part in parts))
    numbers = [int(part * factor) for part in parts]
    divisor = math.gcd(*numbers) or 1
    whole = tuple(number // divisor for number in numbers)
    if min(whole) < 1 or max(whole) > _MOST_WEIGHT:
        raise ConfigError(f"nginx has no weights as far apart as {', '.join(f'{weight:g}' for weight in weights)}.")
    return whole


def quoted(value: str, what: str) -> str:
    """Write a path or a name as one word of nginx's.

    Raises:
        ConfigError: it has a "$", which nginx takes for a variable in any quotes, or a control character.
    """
    check_plain(value, what, never="$")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(servers: Sequence[str], rest: str) -> str:
    return "\n    ".join(f"{server} {rest};" for server in servers)


def _speaking(**parts: str) -> str:
    """Fill in what differs between instances and a gateway; the rest is filled in with all other locations."""
    found = text.SPEAKING
    for name, part in parts.items():
        found = found.replace(f"{{{name}}}", part)
    return found


def _own_place(config: Config) -> str:
    if not config.gateway.port:
        raise ConfigError("gateway.port is 0: an address that others are to find needs a port that is known.")
    return place_of(config.gateway.host, config.gateway.port)


def _check_listen(listen: str) -> None:
    """Refuse what is no port, with or without a host: nginx would take a word for a host, and listen on port 80."""
    check_plain(listen, "--listen", never=" ;{}\"'\\$#")
    found = _LISTEN.fullmatch(listen)
    if found is None or not 0 < int(found["port"]) <= _PORT_MAX:
        raise ConfigError(f"--listen must be a port, or a host and a port such as [::]:8080, not {listen[:60]!r}.")


def _document(config: Config, door: Door, upstream: str, locations: str, *, notes: tuple[str, ...]) -> Document:
    _check_listen(door.listen)
    if bool(door.tls_cert) != bool(door.tls_key):
        raise ConfigError("A certificate and its key belong together: give both.")
    folder = check_plain(door.folder, "--standalone", never="$\"'\\;{}# ")
    log = f"{folder}/access.log" if folder else text.DEBIAN_LOG
    server = text.SERVER.format(
        listen=f"{door.listen} ssl" if door.tls_cert else door.listen,
        name=quoted(door.server_name, "--server-name"),
        log=log,
        tls=_tls(door),
        body=_bytes(door, config.limits.upload_bytes),
        timeout=f"{door.timeout_s}s",
        locations=locations.format(
            rate=text.RATE.format(burst=2 * door.rate) if door.rate else "",
            job_body=_bytes(door, config.jobs.upload_bytes),
            scheme="https" if config.gateway.tls_cert else "http",
        ),
    )
    zone = text.ZONE.format(rate=door.rate) if door.rate else ""
    is_usual = bool(door.tls_cert) and door.listen == "443"
    redirect = text.REDIRECT.format(name=quoted(door.server_name, "--server-name"), log=log) if is_usual else ""
    inner = text.tidy(text.maps() + text.LOG + zone + upstream + server + redirect)
    heading = f"# {HEADING.format(tool='nginx')}\n"
    if not folder:
        return Document(files={FILE: heading + text.USE_ON_DEBIAN + inner}, notes=notes)
    whole = text.STANDALONE.format(folder=folder, inner=text.indent(inner))
    return Document(files={"nginx.conf": heading + whole}, notes=notes)


def _tls(door: Door) -> str:
    if not door.tls_cert:
        return ""
    return text.TLS.format(cert=quoted(door.tls_cert, "--tls-cert"), key=quoted(door.tls_key, "--tls-key"))


def _bytes(door: Door, accepted: int) -> str:
    """Write a size; nginx counts in bytes, or in MiB, which it writes "m"."""
    if door.body_mb:
        return f"{door.body_mb}m"
    return f"{accepted // _MIB}m" if accepted % _MIB == 0 else str(accepted)
