"""A server that shows whatever picture a test wants: our real pages, with `/cluster` and `/admin` by script."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.responses import JSONResponse, StreamingResponse

from harken.api.health import STARTING, health_routes
from harken.api.pages import page_routes
from tests.web.picture import Picture, picture


@dataclass
class Script:
    """What the server tells; a test changes it while the page is open.

    Attributes:
        tell: the picture of a moment.
        every_s: how often there is news.
        is_mute: no news is sent, though connections stay open.
        key: needed for looking, or None.
        admin_key: needed for changes, or None.
        answers: status and body of a change by its path; else 200. A callable is asked.
        takes_its_time: a change is not over while this is set.
        changes: path and body of every change that came, in order.
        connections: streams that were ever opened.
        is_cut: streams end, as they do when a server goes.
    """

    tell: Callable[[float], Picture] = picture
    every_s: float = 0.1
    is_mute: bool = False
    key: str | None = None
    admin_key: str | None = None
    answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    changes: list[tuple[str, Any]] = field(default_factory=list)
    connections: int = 0
    is_cut: bool = False
    takes_its_time: bool = False

    def app(self) -> FastAPI:
        """The app that tells it."""
        app = FastAPI(openapi_url=None)

        async def cluster(request: Request) -> Response:
            return _refusal(request, self.key) or JSONResponse(self.tell(time.time()))

        async def events(request: Request) -> Response:
            self.connections += 1
            return _refusal(request, self.key) or StreamingResponse(self._news(), media_type="text/event-stream")

        async def change(request: Request) -> Response:
            refusal = _refusal(request, self.admin_key)
            if refusal is not None:
                return refusal
            body = await request.body()
            path = request.url.path
            self.changes.append((path, json.loads(body) if body else None))
            while self.takes_its_time:
                await asyncio.sleep(0.02)
            status, told = self.answers.get(path, (200, {"text": "It is done."}))
            return JSONResponse(told, status)

        async def models() -> Response:
            return JSONResponse({"object": "list", "data": []})

        app.add_api_route("/v1/models", models)
        app.add_api_route("/cluster", cluster)
        app.add_api_route("/cluster/events", events)
        app.add_api_route("/admin/{path:path}", change, methods=["POST"])
        app.include_router(page_routes())
        app.include_router(health_routes(lambda: None, lambda: STARTING))
        return app

    async def _news(self) -> AsyncIterator[str]:
        while not self.is_cut:
            if not self.is_mute:
                yield f"event: cluster\ndata: {json.dumps(self.tell(time.time()))}\n\n"
            await asyncio.sleep(self.every_s)


def _refusal(request: Request, key: str | None) -> Response | None:
    """As the real server refuses: 401 without a key, or with a wrong one."""
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key is None or sent == key:
        return None
    sentence = "The API key is not valid." if sent else "An API key is needed."
    error = {"message": sentence, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
    return JSONResponse({"error": error}, 401)
