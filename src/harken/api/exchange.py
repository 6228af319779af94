"""One HTTP exchange as it passes the edge: what of the request was read, what of the answer was sent.

Owns three things that every answer needs: its `X-Request-Id`; `Connection: close` when the request's body was not read
to its end; and then a bounded wait for the rest of that body. Without the wait the socket would be closed while the
client still writes, the kernel would send a reset, and the client would see a broken pipe in place of "413, too large".
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

LINGER_S = 10.0
"""How long the rest of a refused body is read and thrown away."""

LINGER_BYTES = 512 * 1024 * 1024
"""How much of it."""


class Exchange:
    """Wraps `receive` and `send` of one request; `linger_s` bounds the wait for the rest of its body.

    Attributes:
        has_started: the answer's head is out.
        status: of the answer; 0 before its head.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, *, linger_s: float = LINGER_S
    ) -> None:
        self.has_started = False
        self.status = 0
        self._linger_s = linger_s
        self._receive = receive
        self._send = send
        self._request_id = request_id
        headers = Headers(scope=scope)
        self._is_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    async def receive(self) -> Message:
        """Pass the next message on, and remember when the body was complete or the client gone."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._is_read = True
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.has_started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            if not self._is_read:
                headers["Connection"] = "close"
        elif not self._is_read and not message.get("more_body", False):
            # The client gets the whole answer now; the server keeps the connection open for what is still coming.
            await self._send({**message, "more_body": True})
            await self._read_rest()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def leave_rest(self) -> None:
        """Do not wait for the rest of the body: there is no time for that."""
        self._linger_s = 0.0

    async def _read_rest(self) -> None:
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(self._linger_s):
                while not self._is_read and left > 0:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass  # it had its chance to read the answer
