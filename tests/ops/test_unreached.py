"""Why a server was not reached, asked of real sockets that misbehave."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from harken.ops.unreached import why_unreached


async def _why(url: str) -> str:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return why_unreached(error)
    raise AssertionError("it was reached")


async def _why_of(scheme: str, sent: bytes) -> str:
    """Of a server that answers everybody with these bytes and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(sent)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await _why(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/?signature=secret")


def test_nobody_there_is_said_without_a_word_of_tls() -> None:
    """Where the library says "ssl:default" of plain HTTP too."""
    assert asyncio.run(_why("http://127.0.0.1:9/?signature=secret")) == "no connection (Connection refused)"


@pytest.mark.parametrize(
    ("scheme", "sent", "words"),
    [
        ("http", b"", "the connection was closed"),
        ("http", b"nonsense\r\n\r\n", "the answer is no HTTP"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none", "the answer broke off"),
        (
            "http",
            b"HTTP/1.1 302 Found\r\nLocation: ?again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "it redirects again and again",
        ),
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "no connection (TLS: wrong version number)"),
    ],
)
def test_what_a_server_does_is_said_without_its_address(scheme: str, sent: bytes, words: str) -> None:
    """Which may hold a signature."""
    assert asyncio.run(_why_of(scheme, sent)) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerTimeoutError("of http://a/?signature=secret"), "no answer in time"),
        (ValueError("what http://me:secret@host says."), "what http://host says"),
        (ValueError(), "ValueError"),
        (aiohttp.InvalidURL("http://a/?signature=secret"), "the connection failed (InvalidURL)"),
        (OSError(24, "Too many open files"), "[Errno 24] Too many open files"),
    ],
)
def test_other_errors_have_words_too(error: Exception, words: str) -> None:
    """And no user's name or password."""
    assert why_unreached(error) == words


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no connection (Name or service not known)"),
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 101] b, [Errno 111] c"),
         "no connection (Connection refused, Network is unreachable)"),
        (OSError("who knows"), "no connection (OSError)"),
    ],
)  # fmt: skip
def test_of_several_addresses_each_reason_is_said_once(inner: OSError, words: str) -> None:
    """`localhost` has two."""
    key = aiohttp.client_reqrep.ConnectionKey("host", 80, False, True, None, None, None)
    assert why_unreached(aiohttp.ClientConnectorError(key, inner)) == words
