"""Taking a port before anything else is started, and saying who holds it when it is taken.

A server binds first: port 0 becomes a known number that can be announced, and a port in use is one clear sentence
instead of a traceback after the model was loaded.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from harken.errors import ConfigError

_BACKLOG = 2048
_ASK_TIMEOUT_S = 0.5
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; connections wait in the backlog until the server accepts them.

    Args:
        host: a name or address of this machine.
        port: 0 lets the system choose.

    Raises:
        ConfigError: the port is in use (the message names the likely holder), not allowed, or the host is not ours.
    """
    listener = bind(host, port)
    try:
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(_why(host, port, error)) from error
    return listener


def bind(host: str, port: int) -> socket.socket:
    """Bind without listening: whether a port could be had, while somebody else may still take it.

    Args:
        host: as for `listen`.
        port: as for `listen`.

    Raises:
        ConfigError: as for `listen`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(f"Cannot listen on {host!r}: {error.strerror}.") from error
    bound = socket.socket(family, kind, protocol)
    try:
        # Without this, a port stays blocked for a minute after its last server left.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ConfigError(_why(host, port, error)) from error
    return bound


def url_of(listener: socket.socket, host: str, *, has_tls: bool = False) -> str:
    """Return the address under which `listener` is reached from this machine."""
    port = listener.getsockname()[1]
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    scheme = "https" if has_tls else "http"
    return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"


def _why(host: str, port: int, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"Not allowed to listen on port {port} of {host}; ports below 1024 belong to the system. Choose another."
    if port and _is_taken(host, port):
        holder = _harken_there(host, port) or _process_there(port) or "another process"
        return f"Port {port} of {host} is in use by {holder}. Stop it, or choose another port."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."


def _is_taken(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_ASK_TIMEOUT_S).close()
    except OSError:
        # A wildcard address cannot be connected to everywhere; the table of listeners knows as well.
        return bool(_listening_inodes(port))
    return True


def _harken_there(host: str, port: int) -> str | None:
    """Ask the holder's /health: is it one of ours?"""
    where = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{where}:{port}/health", timeout=_ASK_TIMEOUT_S) as answer:
            body = answer.read(65_536)
    except urllib.error.HTTPError as error:
        body = error.read(65_536)
    except (OSError, ValueError):
        return None
    try:
        name = json.loads(body)["instance"]
    except (ValueError, KeyError, TypeError):
        return None
    return f"a Harken server named {str(name)[:60]!r}"


def _process_there(port: int) -> str | None:
    """Find the listener's process in /proc; None where there is no /proc or the process is not ours to see."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(descriptor.readlink())
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = descriptor.parents[1]
                name = (process / "comm").read_text().strip()
                return f"{name} (pid {process.name})"
        except OSError:
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    if not sys.platform.startswith("linux"):
        return set()
    found: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
