"""A live session as verification needs it: sound sent as fast as it is taken, and all that is told until the end.

Like every call it is bounded in time and bytes, and raises nothing but cancellation. It knows nothing of what the
messages mean, and not whose key is sent. The invariant: what was told until something went wrong is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from harken.ops.unreached import why_unreached

_BYTES_MAX = 16 * 1024 * 1024
_MESSAGE_MAX = 1024 * 1024
_CLOSE_S = 2.0


@dataclass(kw_only=True, slots=True)
class Talk:
    """What came of one session.

    Attributes:
        status: of the handshake's answer where it is no upgrade; 101 where it is; 0 where nothing came.
        told: messages, each with its seconds since the handshake began.
        said_s: when the last of ours was sent, likewise; 0 where it was not.
        close_code: with which the other side closed; None where it did not.
        problem: what went wrong on the way; "" for nothing.
    """

    status: int = 0
    told: list[tuple[float, str]] = field(default_factory=list)
    said_s: float = 0.0
    close_code: int | None = None
    problem: str = ""


async def talk_at(
    session: aiohttp.ClientSession,
    url: str,
    messages: Sequence[bytes | str],
    *,
    headers: Mapping[str, str],
    timeout_s: float,
) -> Talk:
    """Open a WebSocket, send messages, and hear until the other side closes.

    Args:
        session: open; whatever it follows is followed.
        url: of the WebSocket, as http or https.
        messages: bytes and texts, in order.
        headers: of the handshake.
        timeout_s: for all of it.
    """
    talk, began = Talk(), time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            socket = await session.ws_connect(url, headers=headers, max_msg_size=_MESSAGE_MAX)
            talk.status = 101
            sending = asyncio.ensure_future(_send(socket, messages, talk, began))
            try:
                await _hear(socket, talk, began)
            finally:
                sending.cancel()
                await asyncio.wait((sending,))
                await _close(socket)
    except TimeoutError:
        talk.problem = f"no end within {timeout_s:g} s"
    except aiohttp.WSServerHandshakeError as error:
        talk.status = error.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        talk.problem = why_unreached(error)
    return talk


async def _close(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Close; who goes on sending in place of an answer is not waited for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await socket.close()


async def _send(
    socket: aiohttp.ClientWebSocketResponse, messages: Sequence[bytes | str], talk: Talk, began: float
) -> None:
    try:
        for message in messages:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message)
        talk.said_s = time.monotonic() - began
    except (aiohttp.ClientError, OSError):
        return  # whoever hears learns how it ended


async def _hear(socket: aiohttp.ClientWebSocketResponse, talk: Talk, began: float) -> None:
    size = 0
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            talk.problem = "it sends what is no text"
            return
        size += len(message.data)
        if size > _BYTES_MAX:
            talk.problem = "it does not end"
            return
        talk.told.append((time.monotonic() - began, message.data))
    talk.close_code = socket.close_code
