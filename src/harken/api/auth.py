"""The guard before the routes: who is it, may he, and has he any left?

Pure ASGI, inside the edge, so that refusals have a request id, and before any body is read. It gives the routes
`request.state.key` (a `Key`, or None where none is needed), `request.state.charge`, which counts the decoded seconds of
a recording, and `take`, which counts those of somebody who speaks, while he may. The invariants: a refused request
reaches no route; and no secret reaches a log, an answer or a route.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harken.api.access import (
    SOCKETS,
    Need,
    is_local,
    log_fields,
    need_of,
    secret_of,
    secret_of_socket,
    wants_audio,
)
from harken.api.account import note_failure
from harken.api.errors import answer
from harken.api.handshake import head_of
from harken.api.origin import check_origin
from harken.errors import HarkenError, InvalidKey, NotPermitted
from harken.keys import Admission, Key, LimitReached, Standing
from harken.log import get_log

_log = get_log("api.auth")


class Auth:
    """Middleware: lets in who may come in.

    Args:
        app: what is behind it.
        admission: keys and limits; None where a server has neither.
        origins: the web pages that may connect; see `origin`.
    """

    def __init__(self, app: ASGIApp, admission: Admission | None, origins: str = "") -> None:
        self._app = app
        self._admission = admission
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            if scope["type"] == "websocket":
                check_origin(Headers(scope=scope), self._origins)
            key = await self._key(scope)
            standings = await self._count(scope, key)
        except HarkenError as error:
            await self._refuse(error, scope, receive, send)
            return
        state["key"] = key
        state["charge"] = partial(self._charge, key, standings)
        state["take"] = partial(self._take, key)
        await self._app(scope, receive, partial(_send_with, standings, send))

    async def _key(self, scope: Scope) -> Key | None:
        """Return whose request it is.

        Raises:
            InvalidKey: a key is needed, and none or a wrong one was sent.
            NotPermitted: the key is not an admin's, and one is needed.
            StateUnavailable: the keys cannot be read.
        """
        need = need_of(scope["path"])
        if need is Need.NOTHING:
            return None
        if need is Need.KEY:
            return await self._admission.admit(_secret(scope)) if self._admission else None
        if is_local(scope):
            return None
        if need is Need.LOCAL_OR_KEY:
            return await self._admission.admit(_secret(scope)) if self._admission else None
        return await self._admin(scope, need)

    async def _admin(self, scope: Scope, need: Need) -> Key | None:
        are_needed = self._admission is not None and await self._admission.ring.is_needed()
        if need is Need.LOCAL_OR_ADMIN_WHERE_KEYS and not are_needed:
            return None
        if self._admission is None or not are_needed:
            raise NotPermitted("Without keys, this is for programs on the server's own machine.")
        key = await self._admission.admit(_secret(scope))
        if key is None or not key.is_admin:
            raise NotPermitted
        return key

    async def _count(self, scope: Scope, key: Key | None) -> list[Standing]:
        if self._admission is None or need_of(scope["path"]) is not Need.KEY:
            return []
        # Also without a handshake: there it is asked what would be refused.
        has_audio = scope["path"] in SOCKETS or wants_audio(scope.get("method", ""), scope["path"])
        return await self._admission.count(key, wants_audio=has_audio)

    async def _charge(self, key: Key | None, standings: list[Standing], audio_s: float) -> None:
        """Count, and note what is left now: an answer whose head is still to come says so."""
        if self._admission is not None and key is not None:
            await self._admission.charge(key.id, audio_s)
            standings += await self._admission.audio_left(key)

    async def _take(self, key: Key | None, audio_s: float) -> None:
        """Count seconds of a recording without an end.

        Raises:
            LimitReached: more than the next minute's were used.
            InvalidKey: the key was revoked meanwhile.
        """
        if self._admission is not None and key is not None:
            await self._admission.take(key, audio_s)

    async def _refuse(self, error: HarkenError, scope: Scope, receive: Receive, send: Send) -> None:
        told = {"path": scope["path"], "code": error.code, **log_fields(scope)}
        _log.info("request.refused", request_id=scope["state"].get("request_id"), **told)
        headers: dict[str, str] = {}
        if isinstance(error, InvalidKey):
            headers["WWW-Authenticate"] = 'Bearer realm="harken"'
        if isinstance(error, LimitReached):
            headers |= _limit_headers([error.standing])
        note_failure(scope, error)
        language = Headers(scope=scope).get("accept-language", "")
        await answer(error, scope["path"], headers, accept_language=language)(scope, receive, send)


def _secret(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    return secret_of(headers) if scope["type"] == "http" else secret_of_socket(headers, scope["subprotocols"])


async def _send_with(standings: Sequence[Standing], send: Send, message: Message) -> None:
    """Send a part of an answer; its head says what is left."""
    if message["type"] in ("http.response.start", "websocket.accept") and standings:
        head_of(message).update(_limit_headers(standings))
    await send(message)


def _limit_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """Write limits as OpenAI does; of two standings of one limit the later one counts."""
    return {
        f"x-ratelimit-{part}-{one.what}": value
        for one in standings
        for part, value in (
            ("limit", f"{one.limit:.10g}"),
            ("remaining", f"{max(0.0, one.remaining):.10g}"),
            ("reset", f"{one.reset_s}s"),
        )
    }
