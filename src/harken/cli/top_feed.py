"""The cluster's documents from a server, for as long as somebody looks.

They come as a stream, which is opened again when it ends. Where it does not come through (a proxy gathers it, all
places are taken), or fewer are wanted, the document is asked for instead. It knows nothing of pictures. The invariants:
what may pass, a server that is away included, is told and never raised; and a stream on which nothing comes for long is
given up, because a machine that was cut off never says goodbye.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import aiohttp

from harken.cli.client import NotHarken, ServerRefused, ServerUnreachable, call
from harken.cli.top_document import as_document, drawable
from harken.errors import HarkenError
from harken.ops.address import without_user
from harken.ops.unreached import why_unreached

STREAM_S = 1.0
"""How often the stream has a document."""

_FIRST_S, _SILENCE_S = 6.0, 12.0
_ASKED_S = 60.0
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_LINE_BYTES = 16 << 20
_PASSES = (aiohttp.ClientError, TimeoutError, OSError, ValueError, ServerUnreachable, ServerRefused)
_NEEDS_KEY = (401, 403)

OnNews = Callable[[Mapping[str, Any]], None]
OnLoss = Callable[[str], None]


async def read_once(session: aiohttp.ClientSession, server: str) -> Mapping[str, Any]:
    """Ask for the document of this moment.

    Raises:
        ServerUnreachable: nobody answers, or no Harken.
        ServerRefused: a key is needed.
    """
    answer = await call(session, "GET", f"{server}/cluster", timeout_s=10.0)
    if answer.status == 404:
        raise NotHarken(f"{without_user(server)} has no /cluster: it is no Harken, or an old one.")
    return as_document(answer.checked().body, server)


class Feed:
    """Documents of one server.

    Args:
        session: carries the key.
        server: its address.
        interval_s: how often one is wanted; beyond a second they are asked for, which sends less.
        on_news: takes each document.
        on_loss: hears why there are none at the moment.
    """

    def __init__(
        self, session: aiohttp.ClientSession, server: str, *, interval_s: float, on_news: OnNews, on_loss: OnLoss
    ) -> None:
        self._session = session
        self._server = server
        self._interval_s = interval_s
        self._on_news = on_news
        self._on_loss = on_loss
        self._is_known = False
        self._has_heard = False

    async def follow(self) -> None:
        """Follow it until cancelled.

        Raises:
            ServerRefused: a key is needed, or it is not an admin's.
            NotHarken: who answers at the first contact is none.
        """
        failures = 0
        while True:
            self._has_heard = False
            if self._interval_s <= STREAM_S:
                await self._passing(self._stream())
            if not self._has_heard:
                await self._passing(self._ask())
            failures = 0 if self._has_heard else failures + 1
            wait_s = _WAITS_S[min(failures, len(_WAITS_S) - 1)]
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))  # noqa: S311 - only that not all come at once

    async def _passing(self, taking: Coroutine[Any, Any, None]) -> None:
        """Take documents as long as they come; what may pass is told."""
        try:
            await taking
        except _PASSES as error:
            if isinstance(error, ServerRefused) and error.answered in _NEEDS_KEY:
                raise
            if isinstance(error, NotHarken) and not self._is_known:
                raise
            self._on_loss(str(error) if isinstance(error, HarkenError) else f"Its news ended: {why_unreached(error)}.")

    async def _stream(self) -> None:
        loop, url = asyncio.get_running_loop(), f"{self._server}/cluster/events"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
        async with (
            asyncio.timeout(_FIRST_S) as patience,
            self._session.get(url, timeout=timeout, read_bufsize=_LINE_BYTES) as answer,
        ):
            if answer.status >= 400:
                # The document itself is answered with the same refusal, and read there.
                return
            async for line in answer.content:
                if line.startswith(b"data: "):
                    self._take(as_document(json.loads(line.removeprefix(b"data: ")), self._server))
                    patience.reschedule(loop.time() + _SILENCE_S)

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _ASKED_S
        while loop.time() < until:
            self._take(await read_once(self._session, self._server))
            await asyncio.sleep(self._interval_s)

    def _take(self, told: Mapping[str, Any]) -> None:
        document = drawable(told, self._server)
        self._has_heard = self._is_known = True
        self._on_news(document)
