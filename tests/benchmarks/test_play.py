"""The open-loop client of the dispatcher's benchmark, against small servers of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from benchmarks.dispatch.client import Reply, post

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def ask(handler: Handler, *, size: int = 10, timeout_s: float = 5.0) -> Reply:
    """Upload so many bytes to a server that does with the connection what it likes."""

    async def run() -> Reply:
        is_over = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await handler(reader, writer)
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            is_over.set()

        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            content = (b"x" * min(65536, size - at) for at in range(0, size, 65536))
            reply = await post(f"http://{host}:{port}", content, size, timeout_s=timeout_s)
            await is_over.wait()
            return reply

    return asyncio.run(run())


def test_the_form_is_whole_and_the_answer_is_read() -> None:
    """Exactly as many bytes as the head promised; the answer by its Content-Length."""
    got = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        got.extend(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        await reader.read()

    assert ask(handler, size=100_000) == Reply(status=200, body=b"ok")
    assert got.startswith(b"POST /asr HTTP/1.1\r\n")
    assert b'name="audio"; filename=' in got
    assert got.count(b"x" * 100_000) == 1


def test_an_early_refusal_is_an_answer() -> None:
    """A server may refuse before it has read everything, and close."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        while await reader.read(1 << 16):
            pass

    assert ask(handler, size=1 << 20).status == 413


def test_a_connection_that_ends_is_no_answer() -> None:
    """Status 0, with the reason, and no exception."""

    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    reply = ask(handler)
    assert reply.status == 0
    assert reply.reason


def test_a_server_that_says_nothing_is_left() -> None:
    """After the time that a client has."""

    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            pass

    assert ask(handler, timeout_s=0.05).reason == "no answer within 0 s"
