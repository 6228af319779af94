"""A server that transcribes by script: our real pages, with answers that a real model gives seldom or slowly."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from starlette.responses import JSONResponse, StreamingResponse

from harken.api.pages import page_routes

MODEL: dict[str, Any] = {
    "id": "harken/scripted",
    "languages": ["Chinese", "English", "Thai"],
    "aligner": {"id": "harken/timer", "revision": "1", "languages": ["Chinese", "English"]},
}

PING = '{"type":"ping"}'


@dataclass
class Speech:
    """What the server answers; a test changes it while the page is open.

    Attributes:
        stream: lines of the stream, each sent at once; the stream ends behind the last one.
        waits: the stream stays open behind its last line until the client leaves.
        left: set when the client did.
        refusal: status, headers and body in place of any transcription.
        timed: what `verbose_json` answers: a status and a body.
        model: what `/v1/models` lists; None while no instance is ready.
        forms: the text fields of each request that came, in order.
        told: what a live session is told, message by message; None where WebSockets do not get through.
        close_code: with which it is closed then, or when it has finished; None: never.
        close_behind: bytes of sound that come from it before that.
        listen: status, code and message with which a handshake would be refused.
        listen_headers: of that refusal.
        heard: text messages but pings, and the number of bytes, that came from it.
        later: what the sessions after it are told, and how they are closed: in place of `told` and `close_code`.
        queries: of the handshakes, and when they came.
    """

    stream: list[str] = field(default_factory=list)
    waits: bool = False
    left: Event = field(default_factory=Event)
    refusal: tuple[int, dict[str, str], str] | None = None
    timed: tuple[int, dict[str, Any]] = (200, {})
    model: dict[str, Any] | None = field(default_factory=lambda: dict(MODEL))
    forms: list[list[tuple[str, str]]] = field(default_factory=list)
    told: list[dict[str, Any]] | None = None
    close_code: int | None = None
    close_behind: int = 0
    listen: tuple[int, str, str] = (426, "upgrade_required", "This address is for WebSockets.")
    listen_headers: dict[str, str] = field(default_factory=dict)
    heard: list[str | int] = field(default_factory=list)
    later: list[tuple[list[dict[str, Any]], int | None]] = field(default_factory=list)
    queries: list[tuple[str, float]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """The app that answers so."""
        app = FastAPI(openapi_url=None)

        async def models() -> Response:
            if self.model is None:
                return JSONResponse(_error("no_ready_instance", "No instance is ready."), 503)
            return JSONResponse({"object": "list", "data": [self.model]})

        async def transcriptions(request: Request) -> Response:
            async with request.form() as form:
                fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
            self.forms.append(fields)
            if self.refusal is not None:
                status, headers, body = self.refusal
                return Response(body, status, headers)
            if ("stream", "true") in fields:
                return StreamingResponse(self._stream(), media_type="text/event-stream")
            status, answer = self.timed
            return JSONResponse(answer, status)

        app.add_api_route("/v1/models", models)
        app.add_api_route("/v1/audio/transcriptions", transcriptions, methods=["POST"])
        app.add_api_route("/v1/listen", self._upgrade)
        app.add_api_websocket_route("/v1/listen", self._listen)
        app.include_router(page_routes())
        return app

    async def _upgrade(self) -> Response:
        """Say what would be refused, of what a browser hides."""
        status, code, message = self.listen
        return JSONResponse(_error(code, message), status, self.listen_headers)

    async def _listen(self, socket: WebSocket) -> None:
        query = socket.scope["query_string"].decode()
        self.queries.append((query, time.monotonic()))
        if self.told is None or "session=" in query:
            await socket.close()
            return
        await socket.accept()
        for number, message in enumerate([{"type": "session", "session": "s", "received_s": 0.0}, *self.told]):
            await socket.send_text(json.dumps({"n": number, **message}))
        heard, is_there = 0, True
        while is_there and (self.close_code in (None, 1000) or heard < self.close_behind):
            came = await socket.receive()
            is_there = came["type"] != "websocket.disconnect"
            if is_there:
                if came.get("text") == PING:
                    await socket.send_text('{"type": "pong"}')
                    continue
                heard += len(came.get("bytes") or b"")
                self.heard.append(came.get("text") or len(came.get("bytes") or b""))
            if came.get("text") and self.close_code == 1000:
                break
        if is_there:
            await socket.close(self.close_code or 1000)
        if self.later:
            self.told, self.close_code = self.later.pop(0)

    async def _stream(self) -> AsyncIterator[str]:
        for line in self.stream:
            yield f"{line}\n\n"
        try:
            while self.waits:
                await asyncio.sleep(0.05)
        finally:
            self.left.set()


def delta(text: str) -> str:
    """The line of a part of the text."""
    return f"data: {json.dumps({'type': 'transcript.text.delta', 'delta': text})}"


def done(text: str, **more: Any) -> str:
    """The line of the end."""
    language = {"language": "English", "languages": [{"code": "en", "name": "English"}]}
    usage = {"type": "duration", "seconds": 2.5}
    return f"data: {json.dumps({'type': 'transcript.text.done', 'text': text, **language, 'usage': usage, **more})}"


def refusal(status: int, code: str, message: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """An error as the API writes it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(_error(code, message))


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
