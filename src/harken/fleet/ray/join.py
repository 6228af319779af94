"""Becoming a driver of a Ray cluster: found, reached, shown a token if it asks for one, and joined.

Ray alone would try an address where nobody listens for minutes, and blame nothing in particular. Here each step has its
own sentence, in the words of `harken up`. The invariant: whatever is wrong is told as a SetupError.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from harken.errors import SetupError
from harken.fleet.ray.tokens import agree, keep_token_to_ourselves

_REACH_S = 10.0
_START = "ray start --head on this machine, or ray start --address=HOST:PORT of a cluster's head"


def join(address: str) -> None:
    """Become a driver of a Ray cluster.

    Args:
        address: as `ray.address` has it.

    Raises:
        SetupError: there is no such cluster, or this process cannot be in it.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise SetupError(f"fleet.kind 'ray' needs Ray: pip install 'harken[ray]' ({error}).") from error
    own: dict[str, Any] = {"include_dashboard": False}
    try:
        if address == "local":
            keep_token_to_ourselves()
        else:
            address, own = _head(address), {}
            _reach(address)
            agree(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False, **own)
    except SetupError:
        raise
    except Exception as error:
        raise SetupError(
            f"The Ray cluster at {address} cannot be used: {_first_line(error)} This machine has to be a node of it: "
            "ray start --address=HOST:PORT."
        ) from error


def _head(address: str) -> str:
    """Find where the head is: HOST:PORT."""
    if address != "auto":
        return address
    from ray._private.services import canonicalize_bootstrap_address

    try:
        found = canonicalize_bootstrap_address("auto")
    except ConnectionError:  # its advice is a flag that only Ray's own commands have
        found = None
    except ValueError as error:
        told = os.environ.get("RAY_ADDRESS", "")
        raise SetupError(
            f"RAY_ADDRESS is {told!r}, and has to be HOST:PORT of a cluster's head, as --set ray.address=HOST:PORT."
        ) from error
    if found is None or ":" not in found:
        raise SetupError(
            f"There is no Ray cluster here. Start a node ({_START}), name the head (--set ray.address=HOST:PORT), or "
            "have a cluster started for this gateway alone (--set ray.address=local)."
        )
    return str(found)


def _reach(address: str) -> None:
    """See that somebody listens there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S).close()
    except (OSError, ValueError) as error:
        raise SetupError(
            f"The Ray cluster at {address} cannot be reached: {error}. Set --set ray.address=HOST:PORT of its head, as "
            "ray start printed it."
        ) from error


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith(".") else f"{line}."
