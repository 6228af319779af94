"""What comes before a body is bounded: bytes, lines and seconds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from harken.server.connection import HEAD_BYTES, HEAD_LINES, Connection
from harken.server.port import listen
from tests.server.running import TIMEOUT_S

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Hasty(Connection):
    """A connection without patience."""

    head_timeout_s = 0.1


class App:
    """Answers 200 with the size of the body; at /slow only when the test says so."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body to its end, and answer."""
        size, more_body = 0, True
        while more_body:
            message = await receive()
            size += len(message.get("body", b""))
            more_body = message.get("more_body", False)
        if scope["path"] == "/slow":
            await self.may_answer.wait()
        body = str(size).encode()
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(app: App, protocol: type[Connection] = Connection) -> AsyncIterator[Streams]:
    """A server, and one connection to it."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(head.split()[1]), await reader.readexactly(int(length.partition(b":")[2]))


def code(body: bytes) -> str:
    """The code of an error in OpenAI's shape."""
    return str(json.loads(body)["error"]["code"])


def test_an_endless_header_is_refused() -> None:
    """Once 64 KiB have come without an end: 431, and the client that writes on can still read it."""

    async def story() -> None:
        async with connected(App()) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
            for _ in range(64):
                writer.write(b"a" * HEAD_BYTES)
            await writer.drain()
            status, body = await answer(reader)
            assert (status, code(body)) == (431, "head_too_large")

    asyncio.run(story())


def test_an_endless_url_is_refused() -> None:
    """The request line counts too."""

    async def story() -> None:
        async with connected(App()) as (reader, writer):
            writer.write(b"GET /" + b"a" * 2 * HEAD_BYTES)
            assert (await answer(reader))[0] == 431

    asyncio.run(story())


def test_a_head_that_is_too_large_but_whole_is_refused() -> None:
    """Also when it comes in one piece, end included."""

    async def story() -> None:
        async with connected(App()) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nA: " + b"a" * HEAD_BYTES + b"\r\n\r\n")
            assert (await answer(reader))[0] == 431

    asyncio.run(story())


@pytest.mark.slow
def test_the_number_of_header_lines_is_bounded() -> None:
    """A hundred pass, one more does not."""

    async def story(lines: int) -> int:
        async with connected(App()) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * lines + b"\r\n")
            return (await answer(reader))[0]

    assert [asyncio.run(story(HEAD_LINES + more)) for more in (0, 1)] == [200, 431]


def test_large_bodies_and_later_requests_are_not_taken_for_heads() -> None:
    """A body of many heads' size, in one piece with the next request, whose head comes in two pieces."""

    async def story() -> None:
        body = b"b" * 5 * HEAD_BYTES
        async with connected(App()) as (reader, writer):
            for _ in range(3):
                writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body + b"GET / HTT")
                assert await answer(reader) == (200, str(len(body)).encode())
                writer.write(b"P/1.1\r\nA: " + b"a" * 60_000 + b"\r\n\r\n")
                assert await answer(reader) == (200, b"0")

    asyncio.run(story())


def test_endless_trailers_end_the_connection() -> None:
    """What follows a chunked body is a head in all but name; the request has begun, so there is no answer of ours."""

    async def story() -> None:
        async with connected(App()) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nA: ")
            try:
                for _ in range(64):
                    writer.write(b"a" * HEAD_BYTES)
                await writer.drain()
                assert await reader.read() == b""
            except ConnectionError:
                return

    asyncio.run(story())


def test_what_is_no_http_is_still_a_bad_request() -> None:
    """Only heads that are too large are 431."""

    async def story() -> None:
        async with connected(App()) as (reader, writer):
            writer.write(b"hello\r\n\r\n")
            assert (await answer(reader))[0] == 400

    asyncio.run(story())


@pytest.mark.slow
def test_who_does_not_come_to_the_point_is_cut_off() -> None:
    """Nothing at all, empty lines, half a head, half of a second head: closed when the time is over."""

    async def story(opening: bytes, answers: int) -> None:
        async with connected(App(), Hasty) as (reader, writer):
            writer.write(opening)
            for _ in range(answers):
                assert (await answer(reader))[0] == 200
            assert await reader.read() == b""

    began = time.monotonic()
    asyncio.run(story(b"", 0))
    assert time.monotonic() - began >= Hasty.head_timeout_s
    for opening, answers in ((b"\r\n", 0), (b"GET / HT", 0), (b"GET / HTTP/1.1\r\n\r\nGET", 1)):
        asyncio.run(story(opening, answers))


@pytest.mark.slow
def test_a_request_at_work_is_not_cut_off() -> None:
    """Its answer takes longer than a head may, with and without half a request behind it."""

    async def story(behind: bytes) -> None:
        app = App()
        async with connected(app, Hasty) as (reader, writer):
            writer.write(b"GET /slow HTTP/1.1\r\n\r\n")
            writer.write(behind)
            asyncio.get_running_loop().call_later(3 * Hasty.head_timeout_s, app.may_answer.set)
            assert await answer(reader) == (200, b"0")

    for behind in (b"", b"GET"):
        asyncio.run(story(behind))
