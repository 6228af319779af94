"""The one HTTP client of a dispatcher, for segments and looks alike.

It refuses to hide anything: no limit of connections (the targets' slots are the limit), no proxies, no cookies, no
timeouts (every wait has its own bound where it happens). aiohttp is imported when it is opened, not before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from harken.wire import GATEWAY_HEADER

if TYPE_CHECKING:
    from aiohttp import ClientSession

# Shorter than uvicorn's five seconds, so that we seldom send on a connection that is just being closed.
_KEEP_ALIVE_S = 2.0


@asynccontextmanager
async def open_session(gateway: str = "") -> AsyncIterator[ClientSession]:
    """Open it; on the way out every connection is closed.

    Args:
        gateway: the name by which instances know who sends them segments; "" for nobody who does.
    """
    import aiohttp

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=0, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"Accept-Encoding": "identity", **({GATEWAY_HEADER: gateway} if gateway else {})},
    ) as session:
        yield session
