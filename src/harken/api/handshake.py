"""What surrounds a WebSocket before its door: a name, keys and limits in its head, refusals in our shape.

A handshake is refused as an ordinary HTTP answer, so that programs can read why. The invariants: every handshake that
is answered has a request id in its answer; and nothing that a client brought as a secret is in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from harken.api.errors import answer
from harken.errors import HarkenError, HeadTooLarge

LINE_BYTES = 8000
"""The bound of the library that speaks WebSockets is 8,192 for each line, its end included."""

ACCEPTED = 101
"""The status of a handshake that succeeded."""


def overlong(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> HarkenError | None:
    """Say that a line of a handshake is too long; None where none is.

    Args:
        url: the target, query included.
        headers: names and values.
    """
    if len(url) <= LINE_BYTES and all(len(name) + len(value) <= LINE_BYTES for name, value in headers):
        return None
    hint = " A long prompt is what fills a query." if len(url) > LINE_BYTES else ""
    return HeadTooLarge(f"No line of a WebSocket handshake may have more than {LINE_BYTES} bytes.{hint}")


class Handshake:
    """Wraps `send` of one WebSocket.

    Attributes:
        status: of the answer; 0 before it.
    """

    def __init__(self, send: Send, request_id: str) -> None:
        self.status = 0
        self._send = send
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        """Pass a message on; the head of the answer gets the request's name."""
        if message["type"] in ("websocket.accept", "websocket.http.response.start"):
            self.status = message.get("status", ACCEPTED)
            head_of(message)["X-Request-Id"] = self._request_id
        await self._send(message)


def head_of(message: Message) -> MutableHeaders:
    """The headers of the answer to a handshake, to be added to."""
    message["headers"] = list(message.get("headers") or ())
    return MutableHeaders(raw=message["headers"])


async def refuse(
    error: HarkenError, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str] | None = None
) -> None:
    """Answer a handshake with an error, if anybody waits for it."""
    language = Headers(scope=scope).get("accept-language", "")
    with contextlib.suppress(OSError):  # the client has left
        await answer(error, scope["path"], headers, accept_language=language)(scope, receive, send)
