"""Which web pages may open a WebSocket. Pure.

A browser lets any page connect anywhere and asks nobody; it only says in `Origin` which page it is. Without a look at
it, any page that somebody opens could use a server on his own machine. So a page of another origin than the server's
needs `auth.cors_origins`, as it does for everything else. Programs send no `Origin` and may.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from harken.errors import NotPermitted

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def check_origin(headers: Headers, allowed: str) -> None:
    """Let programs, the server's own pages and the listed pages connect.

    Args:
        headers: of the handshake.
        allowed: `auth.cors_origins`: origins separated by commas; "*" for every page.

    Raises:
        NotPermitted: a page of another origin.
    """
    origins = headers.getlist("origin")
    if not origins:
        return
    listed = {part.strip() for part in allowed.split(",")}
    if len(origins) > 1 or not ("*" in listed or origins[0] in listed or _is_own(origins[0], headers)):
        raise NotPermitted(
            f"Pages of {origins[0][:80]!r} may not connect; auth.cors_origins says which pages may.", field="Origin"
        )


def _is_own(origin: str, headers: Headers) -> bool:
    """Whether the page is of the address that was called; a proxy may have put its own into `Host`."""
    try:
        page = urlsplit(origin)
        where = (page.hostname, page.port or _PORTS.get(page.scheme))
    except ValueError:
        return False
    # A page cannot set X-Forwarded-Host: whoever can is no browser, and needs no leave.
    called = (headers.get(name, "") for name in ("host", "x-forwarded-host"))
    return page.scheme in ("http", "https") and any(where == _parsed(host, page.scheme) for host in called if host)


def _parsed(host: str, scheme: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname, parts.port or _PORTS[scheme]
    except ValueError:
        return None, None
