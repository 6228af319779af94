"""The cluster's documents from a server, for as long as somebody looks: a stream that is opened again when it ends.

It knows nothing of pictures. The invariants: it never raises for what may pass, a server that is away included; and a
stream on which nothing comes for long is given up, because a machine that was cut off never says goodbye.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import aiohttp

from harken.cli.client import ServerRefused, ServerUnreachable, call
from harken.ops.address import without_user

SILENCE_S = 12.0
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_LINE_BYTES = 16 << 20

OnNews = Callable[[dict[str, Any]], None]
OnLoss = Callable[[str], None]


async def read_once(session: aiohttp.ClientSession, server: str) -> dict[str, Any]:
    """Ask for the document of this moment.

    Raises:
        ServerUnreachable: nobody answers, or no Harken.
        ServerRefused: a key is needed.
    """
    answer = await call(session, "GET", f"{server}/cluster", timeout_s=10.0)
    return _document(answer.checked().body, server)


async def follow(session: aiohttp.ClientSession, server: str, *, on_news: OnNews, on_loss: OnLoss) -> None:
    """Follow the stream until cancelled.

    Args:
        session: carries the key.
        server: its address.
        on_news: takes each document.
        on_loss: hears why there are none at the moment.

    Raises:
        ServerRefused: a key is needed, or it is not an admin's.
    """
    failures = 0
    while True:
        try:
            async for document in _events(session, server):
                failures = 0
                on_news(document)
            on_loss("The server ended the stream.")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, ServerUnreachable) as error:
            on_loss(without_user(str(error)) or type(error).__name__)
        wait_s = _WAITS_S[min(failures, len(_WAITS_S) - 1)]
        failures += 1
        await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - only that not all come at once


async def _events(session: aiohttp.ClientSession, server: str) -> Any:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=SILENCE_S)
    url = f"{server}/cluster/events"
    async with session.get(url, timeout=timeout, read_bufsize=_LINE_BYTES) as answer:
        if answer.status >= 400:
            await _refuse(answer, server)
        async for line in answer.content:
            if line.startswith(b"data: "):
                yield _document(json.loads(line.removeprefix(b"data: ")), server)


async def _refuse(answer: aiohttp.ClientResponse, server: str) -> None:
    """Raise what a refusal says: one that may pass is a loss like any other."""
    raw = await answer.content.read(65_536)
    try:
        told = json.loads(raw)["error"]
        code, message = str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise ServerUnreachable(f"{without_user(server)} does not answer as Harken does.") from error
    if answer.status in (401, 403):
        raise ServerRefused(code, message, answer.status)
    raise ServerUnreachable(message)


def _document(told: object, server: str) -> dict[str, Any]:
    if not isinstance(told, dict) or told.get("object") != "harken.cluster":
        raise ServerUnreachable(f"{without_user(server)} does not answer as Harken does. Is one there?")
    return told
