"""Whether a request to upgrade is a WebSocket handshake that can be answered. Pure.

The library that speaks WebSockets refuses what is none in plain text, or not at all; here it is refused as everything
else is. It knows neither addresses nor keys. The invariant: what passes has all that RFC 6455 demands of a client.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from harken.api.handshake import overlong
from harken.errors import ClientError, HarkenError, UpgradeRequired


def fault_of(method: bytes, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> HarkenError | None:
    """Say what is wrong with a handshake; None for nothing.

    Args:
        method: of the request.
        url: its target, query included.
        headers: names in lower case.
    """
    if (too_long := overlong(url, headers)) is not None:
        return too_long
    if method != b"GET" or any(name in (b"content-length", b"transfer-encoding") for name, _ in headers):
        return ClientError("A WebSocket handshake is a GET request without a body.")
    if _values(headers, b"sec-websocket-version") != [b"13"]:
        return UpgradeRequired(
            "WebSockets are spoken in version 13: send one Sec-WebSocket-Version header that says so."
        )
    keys = _values(headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_nonce(keys[0]):
        return ClientError("A WebSocket handshake needs one Sec-WebSocket-Key header of 16 bytes in base64.")
    return None


def _values(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name == wanted]


def _is_nonce(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
