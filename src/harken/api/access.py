"""What a request needs to come in, and what it brings. Pure: a request's scope in, plain answers out.

Owns the table of which paths are open and which need more than a key. Everything that is not listed as open needs a
key, so a new route is closed until somebody opens it. And it owns what counts as a call from this machine: a loopback
peer is not enough, because behind a proxy on the same machine everybody looks local, and a web page in a local browser
can call too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from harken.errors import InvalidKey
from harken.keys import Key
from harken.trace import log_fields_of

_OPEN = ("/", "/health", "/openapi.json", "/docs", "/playground")
_OPEN_FOLDERS = ("/health/", "/docs/", "/ui/")
"""The pages are the same for everybody; what they show, they ask for with a key."""


class Need(Enum):
    """What a path needs."""

    NOTHING = "nothing"
    KEY = "key"
    LOCAL_OR_ADMIN = "local or admin, always"
    """Also while no key is needed for anything else."""
    LOCAL_OR_ADMIN_WHERE_KEYS = "local or admin, where keys are needed"
    """The wire and the cluster's document: whoever may use it needs no key of his own and is never counted."""
    LOCAL_OR_KEY = "local, or any key where keys are needed"
    """The metrics, which Prometheus should not need an admin's key for; never counted either."""


def need_of(path: str) -> Need:
    """Say what a path needs."""
    if path in _OPEN or path.startswith(_OPEN_FOLDERS):
        return Need.NOTHING
    if _is_in(path, "/admin"):
        return Need.LOCAL_OR_ADMIN
    if path == "/metrics":
        return Need.LOCAL_OR_KEY
    return Need.LOCAL_OR_ADMIN_WHERE_KEYS if _is_in(path, "/wire") or _is_in(path, "/cluster") else Need.KEY


SOCKETS = ("/v1/listen", "/v1/realtime")
"""The doors for WebSockets."""

_KEY_PROTOCOL = "openai-insecure-api-key."
"""A WebSocket of a browser has no headers of its own; OpenAI's pages put the key among the subprotocols."""


def wants_audio(method: str, path: str) -> bool:
    """Whether such a request has recordings transcribed."""
    return method == "POST" and (path in ("/asr", "/v1/jobs") or path.startswith("/v1/audio/"))


def secret_of(headers: Mapping[str, str]) -> str | None:
    """Return the secret that a request brings, or None: as a bearer (OpenAI's SDKs), or in an `X-API-Key` header.

    Raises:
        InvalidKey: an `Authorization` of another kind.
    """
    authorization = headers.get("authorization")
    if authorization is None:
        return headers.get("x-api-key") or None
    kind, _, secret = authorization.strip().partition(" ")
    if kind.lower() != "bearer":
        raise InvalidKey("The Authorization header must be 'Bearer' and an API key.")
    return secret.strip() or None


def secret_of_socket(headers: Mapping[str, str], protocols: Sequence[str]) -> str | None:
    """Return the secret that a WebSocket handshake brings: as any request does, or as one of its subprotocols.

    Raises:
        InvalidKey: an `Authorization` of another kind.
    """
    secrets = (name.removeprefix(_KEY_PROTOCOL) for name in protocols if name.startswith(_KEY_PROTOCOL))
    return secret_of(headers) or next(secrets, None) or None


def is_local(scope: Scope) -> bool:
    """Whether a program on this machine, and not a proxy or a web page, calls directly."""
    headers = Headers(scope=scope)
    client = scope.get("client")
    is_direct = not any(name in headers for name in _SIGNS_OF_A_PROXY) and "origin" not in headers
    # A page whose name was made to lead here (DNS rebinding) sends that name.
    return client is not None and _is_loopback(client[0]) and is_direct and _is_loopback(_host(headers.get("host", "")))


def log_fields(scope: Scope) -> dict[str, Any]:
    """What a line of the log says about a request: its key's id, its model, its trace, each where there is one."""
    state = scope.get("state", {})
    key: Key | None = state.get("key")
    told = {
        "key": None if key is None else key.id,
        "model": state.get("model"),
    }
    known = {name: value for name, value in told.items() if value is not None}
    return known | log_fields_of(getattr(state.get("account"), "trace", None))


_SIGNS_OF_A_PROXY = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


def _host(header: str) -> str:
    """The name in a Host header, without its port: "[::1]:7860" → "::1"."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
