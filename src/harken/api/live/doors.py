"""The addresses of the doors, and the way in: everything that can be refused is refused before the handshake's answer.

Owns the order: is there room, does the query make sense, is there a session, then the socket is accepted and the
conversation begins. A browser hides the answer to a handshake from its page, so whoever asks the same address without
one is told what would be refused. The invariants: a refusal is an HTTP answer with our code; and a session that was
opened is left or closed, whatever happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from harken.api.access import SOCKETS, log_fields
from harken.api.account import account_of, note_failure
from harken.api.errors import answer
from harken.api.handshake import overlong, refuse
from harken.api.live.conversation import Conversation, Farewell
from harken.api.live.ear import Ear, Over
from harken.api.live.listen import read_listen
from harken.api.live.openai_door import OpenAIDoor
from harken.api.live.query import read_query
from harken.api.live.service import Live, Session
from harken.api.live.socket import Gone, Socket
from harken.api.live.tongue import Call, ReadCall
from harken.api.service import Provider, accepting, admit
from harken.api.urgency import DEADLINE_HEADER, PRIORITY_HEADER, requester_of
from harken.errors import HarkenError, NotFound, NotOffered, UnsupportedOption, UpgradeRequired
from harken.log import get_log
from harken.types import Priority, Requester

_log = get_log("api.live")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What somebody comes for, who may come in as far as can be told without a session."""

    live: Live
    requester: Requester
    call: Call


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """A handshake that is about to be accepted."""

    call: Call
    session: Session


class LiveDoors:
    """An ASGI app for every WebSocket.

    Args:
        provider: of the service.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._talks: dict[str, Conversation] = {}
        self._doors: dict[str, ReadCall] = {"/v1/listen": read_listen, "/v1/realtime": OpenAIDoor().read}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        try:
            asked = await self._ask(scope)
            opened = _Opened(call=asked.call, session=await self._session(asked, scope))
        except HarkenError as error:
            note_failure(scope, error)
            _log.info("socket.refused", code=error.code, **_ids(scope))
            await refuse(error, scope, receive, send)
            return
        await self._talk(opened, scope, Socket(scope, receive, send))

    async def refusal(self, scope: Scope) -> HarkenError:
        """Say how a handshake with this head and query would be refused now; `UpgradeRequired` where it would not."""
        if (too_long := overlong(scope["raw_path"] + b"?" + scope["query_string"], scope["headers"])) is not None:
            return too_long
        try:
            asked = await self._ask({**scope, "subprotocols": []})
            back = asked.call.back
            refusal = asked.live.refusal(asked.requester, None if back is None else back.session)
            if refusal is None and back is None:
                request_id = scope["state"]["request_id"]
                await asked.live.check(asked.call.settings, requester=asked.requester, request_id=request_id)
        except HarkenError as error:
            return error
        return refusal or UpgradeRequired()

    async def _ask(self, scope: Scope) -> _Asked:
        """Understand who comes for what.

        Raises:
            HarkenError: why he cannot have it.
        """
        read = self._doors.get(scope["path"])
        if read is None:
            raise NotFound(f"There is no WebSocket at {scope['path'][:200]}; there are {' and '.join(SOCKETS)}.")
        service = accepting(self._provider)
        if service.live is None:
            raise NotOffered("Live transcription is not offered here.")
        requester = _requester(scope)
        admit(service, requester)
        query = read_query(scope["query_string"])
        info = await service.recognizer.model()
        scope["state"]["model"] = info.name
        return _Asked(live=service.live, requester=requester, call=read(scope, query, info))

    async def _session(self, asked: _Asked, scope: Scope) -> Session:
        live, requester, back = asked.live, asked.requester, asked.call.back
        if back is None:
            request_id, route = scope["state"]["request_id"], scope["path"]
            return await live.open(asked.call.settings, requester=requester, request_id=request_id, route=route)
        session = live.resume(back.session, requester=requester)
        # A connection may break without the server noticing for a while.
        if (talk := self._talks.pop(session.id, None)) is not None:
            await talk.give_way()
            # It may have left the session meanwhile, or closed it.
            session = live.resume(back.session, requester=requester)
        return session

    async def _talk(self, opened: _Opened, scope: Scope, socket: Socket) -> None:
        session, call = opened.session, opened.call
        ear = Ear(session, call.pcm, scope["state"]["take"])
        try:
            await socket.accept()
        except Gone:  # whoever comes back and gives up may try again
            if call.back is None:
                session.close()
            else:
                session.leave()
            return
        _log.info("socket.opened", is_resumed=call.back is not None, **_ids(scope))
        leaving = scope["state"].get("leaving") or asyncio.Event()
        after = call.back.after if call.back else 0
        talk = Conversation(socket, session, call.speak(session, ear), ear, after=after, leaving=leaving)
        farewell = None
        self._talks[session.id] = talk
        try:
            farewell = await talk.run()
        finally:
            if self._talks.get(session.id) is talk:
                del self._talks[session.id]
            with contextlib.suppress(Over):
                await ear.settle()
            _log_end(scope, farewell, ear.taken_s, talk.first_text_at)


def socket_routes(doors: LiveDoors) -> APIRouter:
    """Return the answers to those who come to a door without a WebSocket."""
    router = APIRouter()

    async def upgrade(request: Request) -> Response:
        """Say what is missing, or why a WebSocket would not be let in."""
        error = await doors.refusal(request.scope)
        is_welcome = isinstance(error, UpgradeRequired)
        headers = {"Upgrade": "websocket", "Connection": "upgrade"} if is_welcome else {}
        language = request.headers.get("accept-language", "")
        return answer(error, request.url.path, headers, accept_language=language)

    for path in SOCKETS:
        router.add_api_route(path, upgrade, methods=["GET"], include_in_schema=False, response_class=Response)
    return router


def _requester(scope: Scope) -> Requester:
    headers, state = Headers(scope=scope), scope["state"]
    if DEADLINE_HEADER in headers:
        raise UnsupportedOption("Somebody who speaks has no deadline.", field=DEADLINE_HEADER)
    account = account_of(scope)
    trace = account.trace if account else None
    requester = requester_of(headers, state["key"], state["began"], own=Priority.LIVE, trace=trace)
    # A key's class bounds what it may ask for elsewhere; here it is the route's, and how many may speak is bounded.
    if PRIORITY_HEADER not in headers and requester.priority is Priority.INTERACTIVE:
        return dataclasses.replace(requester, priority=Priority.LIVE)
    return requester


def _log_end(scope: Scope, farewell: Farewell | None, audio_s: float, first_text_at: float | None) -> None:
    began = scope["state"]["began"]
    error = farewell.error if farewell else None
    told = {
        "code": error.code if error else None,
        "gone": farewell.gone if farewell else None,
        "first_text_s": None if first_text_at is None else round(first_text_at - began, 3),
    }
    times = {"audio_s": round(audio_s, 3), "wall_s": round(time.monotonic() - began, 3)}
    known = {name: value for name, value in told.items() if value is not None}
    _log.info("socket.closed", **known, **times, **_ids(scope))


def _ids(scope: Scope) -> dict[str, Any]:
    return {"request_id": scope["state"]["request_id"], "path": scope["path"], **log_fields(scope)}
