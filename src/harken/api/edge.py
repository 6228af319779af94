"""The outermost layer: a name for each request, and an answer even where we have a defect.

Pure ASGI, so that it also covers what the framework does before and after a route. The invariant: no answer leaves
without a request id, and no exception of ours leaves at all unless the answer has begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from harken.account import Account
from harken.api.access import log_fields
from harken.api.account import account_of, note_failure, wants_account
from harken.api.errors import answer, internal_error
from harken.api.exchange import Exchange
from harken.api.handshake import ACCEPTED, Handshake, refuse
from harken.api.live.closing import close_code
from harken.errors import Draining, HarkenError
from harken.events import Tell, nobody
from harken.keys.secret import holds_secret
from harken.log import get_log
from harken.trace import BeginTrace, no_trace
from harken.transcribe.request_id import clients_request_id, new_request_id

_log = get_log("api.edge")


class Edge:
    """Middleware: gives `request.state.request_id`, reports defects, lets clients leave, tells of recordings.

    Args:
        app: what is behind it.
        tell: takes the beginning and the end of requests that have recordings transcribed.
        begin_trace: makes of a `traceparent` header the span of such a request; None where it is not traced.
    """

    def __init__(self, app: ASGIApp, tell: Tell = nobody, begin_trace: BeginTrace = no_trace) -> None:
        self._app = app
        self._tell = tell
        self._begin_trace = begin_trace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _name_of(headers)
        began = time.monotonic()
        scope.setdefault("state", {}).update(request_id=request_id, began=began)
        account = None
        if wants_account(scope):
            trace = self._begin_trace(headers.get("traceparent"))
            account = Account(request_id=request_id, route=scope["path"], began=began, tell=self._tell, trace=trace)
            scope["state"]["account"] = account
        is_socket = scope["type"] == "websocket"
        outer = Handshake(send, request_id) if is_socket else Exchange(scope, receive, send, request_id)
        try:
            if isinstance(outer, Handshake):
                await self._serve_socket(scope, receive, outer, request_id)
            else:
                await self._serve(scope, outer, request_id, began, headers.get("accept-language", ""))
        finally:
            # Who was let in to speak is told of turn by turn.
            if account is not None and outer.status != ACCEPTED:
                account.end(outer.status)

    async def _serve_socket(self, scope: Scope, receive: Receive, handshake: Handshake, request_id: str) -> None:
        try:
            await self._app(scope, receive, handshake.send)
        except asyncio.CancelledError:
            _log.warning("request.forced_out", **_ids(scope, request_id))
            await self._end_socket(
                Draining("The server had to leave at once.", retry_after_s=5), scope, receive, handshake
            )
        except Exception:  # noqa: BLE001 - the outermost edge of a WebSocket, as of a request
            _log.exception("request.defect", **_ids(scope, request_id))
            await self._end_socket(internal_error(request_id), scope, receive, handshake)

    @staticmethod
    async def _end_socket(error: HarkenError, scope: Scope, receive: Receive, handshake: Handshake) -> None:
        note_failure(scope, error)
        with contextlib.suppress(OSError):  # the client has left
            if handshake.status:
                await handshake.send({"type": "websocket.close", "code": close_code(error), "reason": error.code})
            else:
                await refuse(error, scope, receive, handshake.send)

    async def _serve(self, scope: Scope, exchange: Exchange, request_id: str, began: float, languages: str) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            wall_s = round(time.monotonic() - began, 3)
            _log.info("request.cancelled", wall_s=wall_s, **_ids(scope, request_id))
            if (account := account_of(scope)) is not None:
                account.cancel()
        except asyncio.CancelledError:
            # Only a server that is made to leave at once cancels a request, and then this task ends here.
            _log.warning("request.forced_out", **_ids(scope, request_id))
            if not exchange.has_started:
                exchange.leave_rest()
                error = Draining("The server had to leave at once.", retry_after_s=5)
                note_failure(scope, error)
                await answer(error, scope["path"], accept_language=languages)(scope, exchange.receive, exchange.send)
        except Exception:  # the outermost edge of a request: here a defect becomes an answer
            _log.exception("request.defect", **_ids(scope, request_id))
            defect = internal_error(request_id)
            note_failure(scope, defect)
            if exchange.has_started:
                raise  # half an answer must not look like a whole one: the server cuts the connection
            sorry = answer(defect, scope["path"], accept_language=languages)
            await sorry(scope, exchange.receive, exchange.send)


def _name_of(headers: Headers) -> str:
    """The client's own name, unless a key went into the wrong header: names are in logs, answers and traces."""
    own = clients_request_id(headers.get("x-request-id"))
    return new_request_id() if own is None or holds_secret(own) else own


def _ids(scope: Scope, request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "path": scope["path"], **log_fields(scope)}
