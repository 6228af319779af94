"""Looking at a server that speaks OpenAI's audio API: does it live, and what does it serve?

Its `/health` is asked; a server without one is asked for its models instead, and one without either counts as alive
when it answers at all, so that only segments and canaries tell more. What it serves is asked once, and again after it
was away. No answer may be longer than we want to read, and none is followed elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.openai.answer import read_json
from harken.dispatch.lines.openai.state import HarkenHealth, Listing, harken_health, listing_of, model_info
from harken.dispatch.lines.upstream import Upstream
from harken.types import ModelInfo

if TYPE_CHECKING:
    from aiohttp import ClientSession

_BYTES_MAX = 1 << 20
_ABSENT = frozenset({401, 403, 404, 405, 501})
"""Statuses of a route that is not there, or that is kept behind a key of its own."""

_NO_MODEL = "It lists no such model: name one that it serves with #model=."
_NO_LIST = "It has no list of models: if it is a speech server, name a model that it serves with #model=."


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a look found.

    Attributes:
        state: a word of an instance's lifecycle.
        model: what is served; None while unknown.
        detail: one sentence where something is wrong.
        is_terse: it keeps the detected language to itself unless it streams (vLLM).
        proves_itself: it says that it is ready only when its model has recognised something (another Harken).
    """

    state: str
    model: ModelInfo | None
    detail: str = ""
    is_terse: bool = False
    proves_itself: bool = False


class OpenAILook:
    """Looks at one server.

    Args:
        upstream: where, and with which key.
        session: from `session.open_session`.
    """

    def __init__(self, upstream: Upstream, session: ClientSession) -> None:
        self._upstream = upstream
        self._session = session
        self._listing: Listing | None = None

    def forget(self) -> None:
        """What comes back may be another server."""
        self._listing = None

    async def ask(self) -> Found | Missed:
        """Look once; its faults are findings, not errors. Waits without a bound."""
        import aiohttp

        try:
            return await self._ask()
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            # The library's own words name the address, and /health may be read by anybody.
            if isinstance(error, aiohttp.ClientConnectorCertificateError):
                return Missed(reason="Its certificate is not one that this system trusts.")
            return Missed(reason=f"It cannot be reached ({type(error).__name__}).")

    async def _ask(self) -> Found | Missed:
        status, body = await self._get("/health")
        if (health := harken_health(body)) is not None:
            return await self._found_harken(health)
        if status not in _ABSENT and not 200 <= status < 300:
            return Missed(reason=f"It answers HTTP {status} when asked for its health.")
        if self._listing is None or not self._listing.name or status in _ABSENT:
            listing = await self._list()
            if isinstance(listing, Missed):
                return listing
            self._listing = listing
        return self._found(self._listing, slots=0)

    async def _found_harken(self, health: HarkenHealth) -> Found | Missed:
        if health.state != "ready":
            return Found(state=health.state, model=None, detail=health.detail)
        if self._listing is None or (health.model and health.model != self._listing.name):
            listing = await self._list()
            if isinstance(listing, Missed):
                return listing
            self._listing = listing
        return self._found(self._listing, slots=health.slots, proves_itself=True)

    def _found(self, listing: Listing, *, slots: int, proves_itself: bool = False) -> Found:
        info = model_info(self._upstream, listing, slots)
        if not info.name:
            return Found(state="starting", model=None, detail=_NO_MODEL if listing.is_there else _NO_LIST)
        return Found(state="ready", model=info, is_terse=listing.owner == "vllm", proves_itself=proves_itself)

    async def _list(self) -> Listing | Missed:
        status, body = await self._get("/v1/models")
        if status in (401, 403):
            return Missed(reason=f"It refuses our key (HTTP {status}).")
        if status in _ABSENT:
            return Listing(is_there=False)
        if not 200 <= status < 300:
            return Missed(reason=f"It answers HTTP {status} when asked for its models.")
        return listing_of(body, self._upstream.model)

    async def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        url = self._upstream.url + path
        async with self._session.get(url, headers=self._upstream.headers, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _BYTES_MAX:
                    return response.status, {}
            return response.status, read_json(bytes(body))
