"""The short way to the routes of recordings: what comes back is what the framework would have said."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.middleware import Middleware

from harken.api.errors import on_harken_error
from harken.api.shortcut import Shortcut
from harken.errors import EmptyAudio, HarkenError


def app(*, has_lane: bool) -> FastAPI:
    """One route of recordings, one other, with or without the lane."""
    router = APIRouter()

    @router.post("/asr")
    async def asr(request: Request) -> Response:
        if request.headers.get("x-wrong"):
            raise EmptyAudio
        return Response(await request.body(), media_type="text/plain")

    @router.post("/other")
    async def other(request: Request) -> Response:
        return Response(request.scope["route"].path)

    middleware = [Middleware(Shortcut, routers=[router])] if has_lane else []
    made = FastAPI(middleware=middleware, exception_handlers={HarkenError: on_harken_error})
    made.include_router(router)
    return made


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/asr", {}),
        ("POST", "/asr", {"x-wrong": "1"}),
        ("GET", "/asr", {}),
        ("POST", "/asr/", {}),
        ("POST", "/other", {}),
    ],
)
def test_the_answer_is_the_same_with_and_without_it(method: str, path: str, headers: dict[str, str]) -> None:
    """Results, errors, wrong methods, and paths that are not its own."""

    async def answer(*, has_lane: bool) -> tuple[int, bytes, str | None]:
        made = app(has_lane=has_lane)

        async def named(scope, receive, send) -> None:  # type: ignore[no-untyped-def] # as a server calls it
            scope.setdefault("state", {}).update(request_id="r", began=0.0, key=None)
            await made(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(named), base_url="http://h") as client:
            got = await client.request(method, path, headers=headers, content=b"words")
            return got.status_code, got.content, got.headers.get("content-type")

    assert asyncio.run(answer(has_lane=True)) == asyncio.run(answer(has_lane=False))
