"""One client's WebSocket: uvicorn's protocol with bounds on what a client can make the server keep.

Owns the bounds of one connection: bytes of a message, frames that it comes in, bytes that wait for a client who does
not read, and how long a closed connection may linger. It knows the addresses of the doors only for the size of their
messages. The invariant: whatever a client sends or leaves unread, what is kept for its connection is bounded.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

MESSAGE_BYTES = 1024 * 1024
"""The largest message: half a minute of sound at 16 kHz."""

REALTIME_MESSAGE_BYTES = 4 * 1024 * 1024
"""The same where sound is base64 inside JSON: a minute at 24 kHz."""

_FRAMES = 1024
"""A message may come in so many frames: empty ones cost no bytes of its bound."""

_UNREAD_BYTES = 1024 * 1024
"""What may wait for a client who reads neither text nor pongs."""

PING_S = 20.0
"""Between two pings, and for each to be answered."""

LINGER_S = 5.0
"""From the end of a conversation until its connection is cut, if the client does not take the rest."""


class SocketConnection(WebSocketsSansIOProtocol):
    """A connection after its upgrade; made by `Connection`.

    Attributes:
        ping_s: see `PING_S`.
        linger_s: see `LINGER_S`.
    """

    ping_s: ClassVar[float] = PING_S
    linger_s: ClassVar[float] = LINGER_S

    _heard_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        super().connection_made(transport)
        self.ping_interval = self.ping_timeout = self.ping_s

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._heard_at = self.loop.time()
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # A head that the first parser took and this one does not; uvicorn would wait for another.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Begin, with the bound of the door that was called."""
        is_realtime = event.path.partition("?")[0] == "/v1/realtime"
        self.conn.max_message_size = REALTIME_MESSAGE_BYTES if is_realtime else MESSAGE_BYTES
        super().handle_connect(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a further frame of a message."""
        if len(self.frames) >= _FRAMES:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"a message may have {_FRAMES} frames")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer, unless the answers before were not read either."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > _UNREAD_BYTES:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        """Give up on a client who is silent; not on one whose answer waits behind what we do not read yet."""
        if self.read_paused or self._heard_at > self.ping_sent_at:
            self.pong_timer = self.loop.call_later(self.ping_s, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._cut_soon()

    async def send(self, message: Any) -> None:
        """Send; a close does not wait for a client who does not read."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # Uvicorn takes a handshake that was refused for one that was forgotten, and logs an error.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        """Run the conversation."""
        await super().run_asgi()
        self._cut_soon()

    def shutdown(self) -> None:
        """Close, as the server does."""
        super().shutdown()
        self._cut_soon()

    def _cut_soon(self) -> None:
        self.loop.call_later(self.linger_s, _cut, self.transport)


def _cut(transport: asyncio.Transport) -> None:
    transport.abort()
