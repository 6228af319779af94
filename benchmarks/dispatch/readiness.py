"""When is a server ready? It is asked, again and again, for at most a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

START_S = 60.0


def until(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so.

    Raises:
        RuntimeError: it took too long.
    """
    deadline = time.monotonic() + START_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not ready after {START_S:.0f} s")
        time.sleep(0.05)  # between two looks


def status(url: str) -> int:
    """The status of a GET; 0 where nobody answers."""
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.HTTPError:
        return 0


def ready_behind(url: str) -> int:
    """How many instances a gateway finds ready."""
    try:
        health = httpx.get(f"{url}/health", timeout=5).json()
    except httpx.HTTPError:
        return 0
    return sum(line["state"] == "ready" for line in health["instances"])
