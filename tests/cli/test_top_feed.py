"""Rules of harken.cli.top_feed, before real servers of all kinds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from harken.cli.client import NotHarken, ServerRefused
from harken.cli.top_feed import Feed
from tests.cli.cluster_documents import document

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
PATIENCE_S = 20.0


def followed(
    answer: Answer, *, documents: int = 1, losses: int = 0, interval_s: float = 1.0
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Follow a server that answers everything so, until that many came and that many were missed."""
    news: list[Mapping[str, Any]] = []
    why: list[str] = []

    async def follow() -> None:
        enough = asyncio.Event()

        def take(told: Mapping[str, Any]) -> None:
            news.append(told)
            count()

        def lose(reason: str) -> None:
            why.append(reason)
            count()

        def count() -> None:
            if len(news) >= documents and len(why) >= losses:
                enough.set()

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            address = str(server.make_url("")).rstrip("/")
            feed = Feed(session, address, interval_s=interval_s, on_news=take, on_loss=lose)
            following = asyncio.create_task(feed.follow())
            waiting = asyncio.create_task(enough.wait())
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.wait((following, waiting), return_when=asyncio.FIRST_COMPLETED)
            for task in (following, waiting):
                task.cancel()
            outcome = (await asyncio.gather(following, waiting, return_exceptions=True))[0]
            if isinstance(outcome, Exception):
                raise outcome

    asyncio.run(follow())
    return news, why


async def stream(request: web.Request, *events: bytes) -> web.StreamResponse:
    """Send events, and end."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(event)
    return response


EVENT = b"event: cluster\ndata: " + json.dumps(document()).encode() + b"\n\n"


def refusal(status: int) -> web.Response:
    """As Harken refuses."""
    return web.json_response({"error": {"code": "some_code", "message": "Not so."}}, status=status)


@pytest.mark.slow
def test_a_stream_that_ends_is_opened_again() -> None:
    """As when its server is restarted."""
    opened = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal opened
        opened += 1
        return await stream(request, EVENT, EVENT)

    news, why = followed(answer, documents=4)
    assert opened == 2
    assert news == [document()] * 4
    assert why == []


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 503])
def test_where_there_is_no_stream_the_document_is_asked_for(status: int) -> None:
    """All places are taken, or something between hides it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return refusal(status) if request.path.endswith("/events") else web.json_response(document())

    news, why = followed(answer, documents=2)
    assert news == [document()] * 2
    assert why == []


@pytest.mark.slow
def test_with_a_longer_interval_it_is_asked_for_only_so_often() -> None:
    """The stream would send each second."""
    paths = []

    async def answer(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        return web.json_response(document())

    followed(answer, documents=2, interval_s=1.1)
    assert set(paths) == {"/cluster"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_for_want_of_a_key_ends_it(status: int) -> None:
    """No time brings a key."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return refusal(status)

    with pytest.raises(ServerRefused, match="Not so"):
        followed(answer)


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(text="<html>Welcome</html>", content_type="text/html"),
        lambda: web.json_response({"status": "ok"}),
        lambda: web.json_response([1]),
        lambda: web.json_response({"object": "harken.cluster"}),
        lambda: web.json_response({"detail": "Not Found"}, status=404),
    ],
    ids=["page", "other JSON", "list", "of another year", "not found"],
)
def test_a_server_that_is_no_harken_is_told_at_once(response: Callable[[], web.Response]) -> None:
    """Rather than to wait for it for ever."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return response()

    with pytest.raises(NotHarken):
        followed(answer)


@pytest.mark.slow
@pytest.mark.parametrize(
    "event", [b"data: {\n\n", b"data: []\n\n", b"data: " + b"x" * (17 << 20) + b"\n\n", b"event: cluster\n\n"]
)
def test_nonsense_from_a_server_that_is_known_may_pass(event: bytes) -> None:
    """It is said, and tried again."""
    is_first = True

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal is_first
        if is_first:
            is_first = False
            return await stream(request, EVENT)
        return await stream(request, event) if request.path.endswith("/events") else refusal(500)

    news, why = followed(answer, documents=1, losses=1)
    assert news == [document()]
    assert why


@pytest.mark.slow
def test_a_proxys_page_while_the_server_is_away_may_pass() -> None:
    """At the first contact too."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Bad Gateway</html>", content_type="text/html", status=502)

    assert followed(answer, documents=0, losses=2)[0] == []
