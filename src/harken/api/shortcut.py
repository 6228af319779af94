"""The shortcut to the routes that recordings come by, and the way of WebSockets, which the framework never sees.

The framework walks through some twenty calls between the guard and a route: it looks for the route, makes room for
dependencies, files and validation, and wraps each in handlers of errors. These routes read their requests themselves
and need none of it, and every short clip would pay for it: a fifth of a millisecond. The framework still knows the
routes, for its schema and for whoever asks in another method. The invariant: the answer is the same either way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from fastapi.routing import APIRoute, APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harken.api.errors import on_harken_error
from harken.errors import HarkenError

Endpoint = Callable[[Request], Awaitable[Response]]

PATHS = ("/asr", "/v1/audio/transcriptions")
"""Where recordings come by."""


class Shortcut:
    """Middleware: calls the routes of some routers directly; all else goes on to the framework.

    Args:
        app: the framework.
        routers: those of their routes that are at `PATHS` take a request alone, and raise no error but our own.
        sockets: takes every WebSocket.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], sockets: ASGIApp | None = None) -> None:
        self._app = app
        self._sockets = sockets or app
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            (method, route.path): route.endpoint
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and route.path in PATHS
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        endpoint = self._endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request, has_begun = Request(scope, receive, send), False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            response = await endpoint(request)
            await response(scope, receive, send_on)
        except HarkenError as error:
            if has_begun:
                raise
            response = await on_harken_error(request, error)
            await response(scope, receive, send)
