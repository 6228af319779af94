"""One accepted WebSocket: messages in, text out, and a close. A thin layer over ASGI.

Owns how fast messages are taken, and how long the client may let an answer lie. It knows no protocol above WebSockets.
The invariant: a client that is gone is found out as `Gone`, whatever was being done.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from starlette.types import Receive, Scope, Send

SLOW_S = 20.0
"""How long one message may wait for a client that does not read."""

MESSAGES_PER_S = 2000.0
MESSAGES_AT_ONCE = 5000.0
"""A client that sends more is read more slowly: each costs the event loop some work, whatever is in it."""

_REASON_BYTES = 120
"""A close frame has room for 123."""

PROTOCOL = "realtime"
"""The subprotocol that is chosen where it is offered: browsers demand one of theirs."""


class Gone(Exception):
    """The client has left.

    Args:
        code: with which it closed; 1005 or 1006 where it just broke off.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """The client's end of a WebSocket.

    Args:
        scope: of the handshake.
        receive: ASGI's.
        send: ASGI's.

    Attributes:
        slow_s: see `SLOW_S`.
    """

    slow_s: ClassVar[float] = SLOW_S

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._allowance = MESSAGES_AT_ONCE
        self._allowed_at = 0.0

    async def accept(self) -> None:
        """Answer the handshake.

        Raises:
            Gone: nobody waits for it any more.
        """
        message = await self._receive()
        if message["type"] != "websocket.connect":
            raise Gone(message.get("code", 1006))
        chosen = PROTOCOL if PROTOCOL in self._scope["subprotocols"] else None
        await self._pass_on({"type": "websocket.accept", "subprotocol": chosen, "headers": []})

    async def receive(self) -> str | bytes:
        """Return the next message, at the pace that messages may have.

        Raises:
            Gone: there is none.
        """
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Gone(message.get("code", 1006))
        await self._keep_pace()
        text = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def send(self, text: str) -> None:
        """Send a message.

        Raises:
            Gone: the client has left.
            TimeoutError: it did not take what was sent before.
        """
        async with asyncio.timeout(self.slow_s):
            await self._pass_on({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close; a client that has left is no matter."""
        short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            await self._pass_on({"type": "websocket.close", "code": code, "reason": short})
        except Gone:
            return

    async def _pass_on(self, message: dict[str, object]) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            # RuntimeError: the server has closed it already, as it does with a message that is too large.
            raise Gone(1006) from error

    async def _keep_pace(self) -> None:
        """A bucket that fills with time: whoever empties it waits for the next drop."""
        now = asyncio.get_running_loop().time()
        grown = self._allowance + (now - self._allowed_at) * MESSAGES_PER_S
        self._allowance, self._allowed_at = min(MESSAGES_AT_ONCE, grown) - 1.0, now
        if self._allowance < 0:
            await asyncio.sleep(-self._allowance / MESSAGES_PER_S)
