"""The outermost layer, without a server around it."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from harken.api.edge import Edge
from harken.api.exchange import Exchange
from harken.keys.secret import new_secret
from tests.api.world import CLIP, World, serving

SCOPE: Scope = {"type": "http", "path": "/asr", "method": "POST", "headers": [(b"content-length", b"1000")]}
HEAD: Message = {"type": "http.response.start", "status": 200, "headers": []}
WHOLE: Message = {"type": "http.response.body", "body": b"all"}


async def never() -> Message:
    """A client that sends nothing more and does not leave."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def test_a_defect_after_the_answer_began_is_not_hidden() -> None:
    """Half an answer must not look whole: the server below has to cut the connection."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        raise ZeroDivisionError

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Edge(app)({**SCOPE}, never, send))
    assert [message["type"] for message in sent] == ["http.response.start"]


@pytest.mark.parametrize("around", ["{}", "key:{}", "x/{}", "{:.30}"])
def test_a_key_in_the_wrong_header_is_no_name(around: str) -> None:
    """It would be in every line of the log; neither is a part of it."""
    secret = new_secret()

    async def main() -> httpx.Response:
        async with serving(World().app()) as url, httpx.AsyncClient(base_url=url) as client:
            return await client.post("/asr", files={"audio": CLIP}, headers={"X-Request-Id": around.format(secret)})

    with capture_logs() as log:
        answer = asyncio.run(main())
    assert answer.headers["x-request-id"].startswith("req_")
    assert secret[:12] not in str(log) + str(answer.headers)


@pytest.mark.parametrize("name", ["hk_17", "key_7c1e0a4b9d3f2e11", "batch-hk_fm_night/3"])
def test_a_name_that_only_resembles_a_key_is_kept(name: str) -> None:
    """Clients choose their names."""

    async def main() -> httpx.Response:
        async with serving(World().app()) as url, httpx.AsyncClient(base_url=url) as client:
            return await client.post("/asr", files={"audio": CLIP}, headers={"X-Request-Id": name})

    assert asyncio.run(main()).headers["x-request-id"] == name


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_request_that_is_forced_out_is_told_so(has_begun: bool) -> None:
    """Cancelled by a server in a hurry: 503 at once, though the body was not read; half an answer stays half."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if has_begun:
            await send(HEAD)
        await receive()

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        request = asyncio.create_task(Edge(app)({**SCOPE}, never, send))
        await asyncio.sleep(0)
        request.cancel()
        async with asyncio.timeout(5):
            await request

    asyncio.run(run())
    if has_begun:
        assert [message["type"] for message in sent] == ["http.response.start"]
    else:
        assert sent[0]["status"] == 503
        assert b'"draining"' in sent[1]["body"]


def test_other_protocols_pass_untouched() -> None:
    """Start-up and shutdown messages are no requests."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(Edge(app)({"type": "lifespan"}, never, send))
    assert seen == ["lifespan"]


def test_a_client_that_never_ends_its_body_is_not_waited_for_long() -> None:
    """It gets its whole answer at once; the connection ends when the wait is over."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        exchange = Exchange(SCOPE, never, send, "r", linger_s=0.02)
        await exchange.send({**HEAD, "headers": []})
        await exchange.send(WHOLE)

    asyncio.run(run())
    assert [(message.get("body"), message.get("more_body")) for message in sent[1:]] == [(b"all", True), (b"", False)]
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_request_that_was_read_keeps_its_connection() -> None:
    """Nothing to wait for: the answer passes as it is."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

    async def run() -> None:
        exchange = Exchange(SCOPE, receive, send, "r")
        await exchange.receive()
        await exchange.send({**HEAD, "headers": []})
        await exchange.send(WHOLE)

    asyncio.run(run())
    assert sent[0]["headers"] == [(b"x-request-id", b"r")]
    assert sent[1] == WHOLE
