"""The door of a server: counts the requests inside.

It stands before every route, so "accepted and not answered yet" is one number whatever the route. Who may come in is
decided further inside, where a refusal gets its proper shape; a server that leaves waits here until nobody is inside.
Looks at the server (health, state) are no work: they neither count nor keep it here.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from harken.wire import STATE_PATH

_LOOKS = ("/health", STATE_PATH)


class Door:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def inside(self) -> int:
        """Requests that are not answered yet."""
        return self._inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count it as long as it is inside."""
        if scope["type"] != "http" or scope["path"].startswith(_LOOKS):
            await self._app(scope, receive, send)
            return
        self._inside += 1
        self._empty.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def wait_empty(self, timeout_s: float) -> bool:
        """Wait until nobody is inside; False when `timeout_s` seconds were not enough."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
