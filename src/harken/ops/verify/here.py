"""What can be told of processes on this machine, and whether an address leads to it.

Reads /proc where there is one. It knows nothing of Harken but that its processes are Pythons. The invariant: it sends
no signal and changes nothing; a process that it may not look at is alive as far as it can tell.
"""

from __future__ import annotations

import os
import socket
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

_STOPPED, _ENDED = "tT", "ZX"


class Life(StrEnum):
    """What a process does."""

    RUNS = "runs"
    STOPPED = "is stopped (SIGSTOP)"
    GONE = "is gone"


def life_of(pid: int) -> Life:
    """Tell what a process of this machine does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Life.GONE
    except PermissionError:
        pass  # somebody else's, and alive
    try:
        # Behind the program's name, which may hold anything, parentheses included.
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return Life.RUNS
    return Life.STOPPED if state in _STOPPED else Life.GONE if state in _ENDED else Life.RUNS


def is_here(url: str) -> bool:
    """Whether an address is one of this machine's. Asks the resolver, so run it off an event loop."""
    try:
        parts = urlsplit(url)
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return False
    return any(_can_bind(family, str(address[0])) for family, _, _, _, address in found)


def _can_bind(family: int, address: str) -> bool:
    """Only an address of one's own can be bound to."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as own:
            own.bind((address, 0))
    except OSError:
        return False
    return True


def is_loopback(url: str) -> bool:
    """Whether an address says itself that it is the machine's own, whichever machine that is."""
    import ipaddress

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified
