"""A request's body that is sent from where it lies."""

from __future__ import annotations

import asyncio
import os

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from harken.dispatch.lines.body import Body


def test_a_body_larger_than_any_buffer_arrives_whole_and_without_a_warning() -> None:
    """Two megabytes, twice over one connection; its length and its type are told."""
    body = os.urandom(2 * 1024 * 1024)

    async def answer(request: web.Request) -> web.Response:
        whole = await request.read() == body
        return web.json_response([whole, request.content_length, request.content_type])

    async def scenario() -> list[list[object]]:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_post("/", answer)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            told = []
            for _ in range(2):
                async with session.post(server.make_url("/"), data=Body(body, content_type="a/b")) as response:
                    told.append(await response.json())
            return told

    assert asyncio.run(scenario()) == [[True, len(body), "a/b"]] * 2
