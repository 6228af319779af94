"""The outermost layer: a name for each request, and an answer even where we have a defect.

Pure ASGI, so that it also covers what the framework does before and after a route. The invariant: no answer leaves
without a request id, and no exception of ours leaves at all unless the answer has begun.
"""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from harken.api.access import log_fields
from harken.api.errors import answer, internal_error
from harken.api.exchange import Exchange
from harken.errors import Draining
from harken.log import get_log
from harken.transcribe.request_id import clients_request_id, new_request_id

_log = get_log("api.edge")


class Edge:
    """Middleware: gives `request.state.request_id`, reports defects, lets clients leave."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = clients_request_id(headers.get("x-request-id")) or new_request_id()
        began = time.monotonic()
        scope.setdefault("state", {}).update(request_id=request_id, began=began)
        languages = headers.get("accept-language", "")
        exchange = Exchange(scope, receive, send, request_id)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            wall_s = round(time.monotonic() - began, 3)
            told = log_fields(scope)
            _log.info("request.cancelled", request_id=request_id, path=scope["path"], wall_s=wall_s, **told)
        except asyncio.CancelledError:
            # Only a server that is made to leave at once cancels a request, and then this task ends here.
            _log.warning("request.forced_out", request_id=request_id, path=scope["path"])
            if not exchange.has_started:
                exchange.leave_rest()
                error = Draining("The server had to leave at once.", retry_after_s=5)
                await answer(error, scope["path"], accept_language=languages)(scope, exchange.receive, exchange.send)
        except Exception:  # the outermost edge of a request: here a defect becomes an answer
            _log.exception("request.defect", request_id=request_id, path=scope["path"])
            if exchange.has_started:
                raise  # half an answer must not look like a whole one: the server cuts the connection
            defect = answer(internal_error(request_id), scope["path"], accept_language=languages)
            await defect(scope, exchange.receive, exchange.send)
