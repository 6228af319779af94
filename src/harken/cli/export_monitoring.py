"""`harken export monitoring`: where the servers are, read from the configuration and from what was said beside it.

The files themselves are made in `ops.export.monitoring`. The invariant: what is written into them was checked to be an
address, a URL or a path, so nothing typed can become another line of a configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from harken.cli.export import INSTANCES, Source
from harken.config import Config
from harken.errors import ConfigError
from harken.ops.export.document import Document, check_plain
from harken.ops.export.launch import check_ports
from harken.ops.export.monitoring.alerts import Bounds
from harken.ops.export.monitoring.document import Watch
from harken.ops.export.monitoring.document import monitoring as written
from harken.ops.export.monitoring.prometheus import Scraping
from harken.ops.export.nginx import place_of, reached

FOLDER = "/etc/harken/monitoring"
"""Where the files are meant to lie when they are only printed."""

_PORT_MAX = 65_535
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]+){3}|::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What was said beside the configuration; see the flags.

    Attributes:
        what: instances or gateway.
        addresses: HOST:PORT of each server; none for the configuration's own.
        key_file: on Prometheus's machine.
        interval_s: between two looks.
        prometheus: its URL, as Grafana reaches it.
        runbooks: where the runbooks are read.
        folder: where the files will lie; an absolute path.
    """

    what: str
    addresses: tuple[str, ...]
    key_file: str
    interval_s: int
    prometheus: str
    runbooks: str
    folder: str


def monitoring(source: Source, asked: Asked) -> Document:
    """Make the files.

    Raises:
        ConfigError: nothing is known to be watched, or something is no address, URL or path.
    """
    config = source.config
    addresses = tuple(_checked(address) for address in asked.addresses) or _own(config, asked.what)
    is_https = bool(config.gateway.tls_cert) and asked.what != INSTANCES
    scraping = Scraping(
        cluster=check_plain(config.gateway.name, "gateway.name"),
        addresses=addresses,
        inside=() if asked.what == INSTANCES else _inside(config),
        is_hidden=asked.what != INSTANCES and not config.fleet.first_port and bool(config.fleet.instances),
        is_https=is_https,
        is_checked=not all(_is_loopback(address) for address in addresses),
        key_file=check_plain(asked.key_file, "--key-file"),
        interval_s=asked.interval_s,
    )
    bounds = Bounds(
        target_wait_s=config.autoscale.target_wait_s,
        queue_timeout_s=config.limits.queue_timeout_s,
        gpu_memory_share=config.instance.memory_share,
    )
    watch = Watch(
        scraping=scraping,
        bounds=bounds,
        runbooks=check_plain(asked.runbooks, "--runbooks"),
        prometheus=_checked_url(asked.prometheus),
        folder=check_plain(asked.folder, "--output"),
    )
    return written(watch)


def _own(config: Config, what: str) -> tuple[str, ...]:
    """Return the addresses that the configuration itself gives."""
    if what == INSTANCES:
        check_ports(config)
        return _ports(config, config.fleet.instances)
    if not config.gateway.port:
        raise ConfigError("gateway.port is 0: say with --address where Prometheus reaches the gateway.")
    return (place_of(reached(config.gateway.host), config.gateway.port),)


def _inside(config: Config) -> tuple[str, ...]:
    """Return where a fleet's instances are, or may come to be."""
    if not config.fleet.first_port or not config.fleet.instances:
        return ()
    most = config.fleet.instances if config.autoscale.mode == "off" else config.autoscale.max
    return _ports(config, max(most, config.fleet.instances))


def _ports(config: Config, count: int) -> tuple[str, ...]:
    first = config.fleet.first_port
    host = reached(config.fleet.host)
    return tuple(place_of(host, port) for port in range(first, min(first + count, _PORT_MAX + 1)))


def _checked(address: str) -> str:
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) <= _PORT_MAX:
        raise ConfigError(f"--address must be a host and a port such as asr.example.org:7860, not {address[:60]!r}.")
    return address


def _checked_url(url: str) -> str:
    check_plain(url, "--prometheus")
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or " " in url:
        raise ConfigError(f"--prometheus must be a URL such as http://127.0.0.1:9090, not {url[:60]!r}.")
    return url


def _is_loopback(address: str) -> bool:
    return _LOOPBACK.fullmatch(address.rpartition(":")[0].strip("[]")) is not None
