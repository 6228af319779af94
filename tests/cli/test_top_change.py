"""Rules of harken.cli.top_change, before a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from harken.cli.top_change import carry_out
from harken.cli.top_wish import Wish

Asked = tuple[str, str, bytes]


def made(wish: Wish, answer: Any, status: int = 200) -> tuple[str, Asked]:
    """Have it made by a server that answers so; the sentence, and what the server was asked."""
    asked: list[Asked] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.method, request.raw_path, await request.read()))
        return web.json_response(answer, status=status)

    async def story() -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            return await carry_out(session, str(server.make_url("")).rstrip("/"), wish)

    said = asyncio.run(story())
    assert len(asked) == 1, "asked once, whatever came of it"
    return said, asked[0]


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        (Wish(kind="scale", count=5), ("POST", "/admin/scale", b'{"count": 5}')),
        (Wish(kind="drain", name="asr-2"), ("POST", "/admin/instances/asr-2/drain", b"")),
        (Wish(kind="restart", name="a/../b c"), ("POST", "/admin/instances/a%2F..%2Fb%20c/restart", b"")),
    ],
)
def test_a_wish_is_one_request(wish: Wish, asked: Asked) -> None:
    """A name stays one part of the path, whatever is in it."""
    assert made(wish, {}) == (wish.done, asked)


def test_a_refusal_is_told_in_the_servers_words() -> None:
    """And where a key is missing, how to give it."""
    wish, body = Wish(kind="drain", name="asr-2"), {"error": {"code": "busy", "message": "A roll is under way."}}
    assert made(wish, body, 409)[0] == "Draining asr-2 failed. A roll is under way."
    assert made(wish, body, 403)[0].endswith("Give an admin's: --api-key, or HARKEN_API_KEY.")


def test_what_will_not_count_after_a_restart_is_said() -> None:
    """As harken drain says it."""
    assert "could not write that down" in made(Wish(kind="scale", count=2), {"is_remembered": False})[0]


def test_a_server_that_is_gone_is_said() -> None:
    """It may be doing it all the same."""

    async def story() -> str:
        async with aiohttp.ClientSession() as session:
            return await carry_out(session, "http://127.0.0.1:1", Wish(kind="scale", count=2))

    assert asyncio.run(story()).startswith("Scaling to 2 failed. No answer from http://127.0.0.1:1")
