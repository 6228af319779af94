"""Which web pages may call from a browser: none, unless `auth.cors_origins` names them.

The middleware stands outside of the keys' guard, because browsers ask first without a key. Cookies are never allowed:
Harken has none, and a page must bring a key of its own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from harken.errors import ConfigError

_SHOWN = (
    "Retry-After",
    "X-Should-Retry",
    "X-Request-Id",
    "X-Harken-Instance",
    "X-Harken-Incomplete",
    "X-Harken-Cache",
    *(
        f"x-ratelimit-{part}-{what}"
        for what in ("requests", "audio-seconds")
        for part in ("limit", "remaining", "reset")
    ),
)
"""Headers that a page may read."""


def cors_middleware(origins: str) -> list[Middleware]:
    """Return the middleware for `auth.cors_origins`; none for "".

    Args:
        origins: separated by commas, for example "https://a.example, http://localhost:3000"; "*" for every page.

    Raises:
        ConfigError: something that is no origin.
    """
    listed = [part for part in (part.strip() for part in origins.split(",")) if part]
    for origin in listed:
        _check(origin)
    if not listed:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=listed,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=_SHOWN,
            max_age=600,
        )
    ]


def _check(origin: str) -> None:
    if origin != "*" and not _is_origin(origin):
        raise ConfigError(f"auth.cors_origins: {origin!r} is no origin; write scheme://host[:port] without a path.")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    is_bare = f"{parts.scheme}://{parts.netloc}" == text
    return bool(parts.scheme and parts.netloc) and is_bare and "@" not in text and "*" not in text
