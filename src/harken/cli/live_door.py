"""The way into a live session: a connection to `/v1/listen` over which the server has said which session it is.

It knows the protocol's beginning and nothing that follows. The invariant: who gets a connection has it to himself, and
every way of not getting one is an error with a sentence.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final

import aiohttp

from harken.cli.client import NotHarken, ServerRefused, ServerUnreachable
from harken.cli.live_told import Told, read_told
from harken.cli.live_wish import LiveWish
from harken.clock import Clock
from harken.ops.address import without_user
from harken.ops.unreached import why_unreached

_GREETING_S: Final = 10.0
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0
_MESSAGE_MOST: Final = 16 << 20
_LATER: Final = (429, 502, 503, 504)
"""Statuses of who may let us in later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """A session that is come back to.

    Attributes:
        session: its ID.
        after: the number of the last message that was heard.
    """

    session: str
    after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A connection.

    Attributes:
        socket: it.
        greeting: what the server said first.
        is_back: it is the session that was come back to.
    """

    socket: aiohttp.ClientWebSocketResponse
    greeting: Told
    is_back: bool


class LiveDoor:
    """The server's.

    Args:
        http: carries the key.
        wish: what is wanted, and where.
        heartbeat_s: how often a connection is tried where nothing comes; None for never.
        clock: for patience.
    """

    def __init__(self, http: aiohttp.ClientSession, wish: LiveWish, *, heartbeat_s: float | None, clock: Clock) -> None:
        self._http = http
        self._wish = wish
        self._heartbeat_s = heartbeat_s
        self._clock = clock

    async def enter(self) -> Opened:
        """Open a session.

        Raises:
            ServerRefused: by its server.
            ServerUnreachable: nobody answers, or not as Harken does.
        """
        return await self._dial(None)

    async def come_back(self, back: Back | None, patience_s: float) -> Opened:
        """Come back to a session, or where it is not there (any more) into another, trying for a while.

        Raises:
            ServerRefused: for good, or still when patience ends.
            ServerUnreachable: likewise.
        """
        deadline, wait_s = self._clock.now() + patience_s, _FIRST_WAIT_S
        while True:
            try:
                return await self._dial(back)
            except ServerRefused as error:
                if error.code == "session_unknown" and back is not None:
                    back = None
                    continue
                if error.answered not in _LATER or self._clock.now() > deadline:
                    raise
                wait_s = max(wait_s, error.retry_after_s or 0)
            except NotHarken:
                raise
            except ServerUnreachable:
                if self._clock.now() > deadline:
                    raise
            await asyncio.sleep(max(0.0, min(wait_s, deadline - self._clock.now())))
            wait_s = min(_LONGEST_WAIT_S, 2 * wait_s)

    async def _dial(self, back: Back | None) -> Opened:
        url = f"{self._wish.server}/v1/listen"
        query = self._wish.query if back is None else self._wish.back(back.session, back.after)
        try:
            async with asyncio.timeout(_GREETING_S):
                socket = await self._http.ws_connect(
                    url, params=query, heartbeat=self._heartbeat_s, max_msg_size=_MESSAGE_MOST,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )  # fmt: skip
                first = await socket.receive()
        except aiohttp.WSServerHandshakeError as error:
            raise NotHarken(f"{without_user(url)} is no WebSocket; is a Harken server there?") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise ServerUnreachable(f"No answer from {without_user(url)}: {why_unreached(error)}.") from error
        try:
            if first.type is not aiohttp.WSMsgType.TEXT:
                raise ServerUnreachable(f"No answer from {without_user(url)}: the connection was closed.")
            return Opened(socket=socket, greeting=_checked(read_told(first.data)), is_back=back is not None)
        except BaseException:
            await socket.close()
            raise


def _checked(greeting: Told) -> Told:
    if greeting.kind == "error":
        raise ServerRefused(greeting.code, greeting.message, 0)
    if greeting.kind != "session" or not greeting.session or math.isnan(greeting.received_s):
        raise NotHarken("The server does not greet as Harken does in a live session.")
    return greeting
