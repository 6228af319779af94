"""Uploads as independent clients make them: a connection each, one form, one answer.

Its own few lines of HTTP instead of a library's, because the client shares the machine with what it measures: a
library's client costs more CPU per clip than nginx. The body is made while it is sent, so long uploads take no memory.
The invariant: `post` returns one reply whatever the server does; what is no answer has status 0 and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_BOUNDARY = "harken-dispatch-benchmark"
_BUFFER = 1 << 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: HTTP's; 0 where none came.
        body: all of it.
        reason: of status 0.
    """

    status: int
    body: bytes = b""
    reason: str = ""


def form(content: Iterable[bytes], size: int, *, path: str, host: str, keeps: bool) -> Iterable[bytes]:
    """The whole request of the guide's call, `POST /asr` with the file in `audio`.

    Args:
        content: of the file.
        size: its bytes.
        path: of the route.
        host: for the Host header.
        keeps: whether the connection stays open behind the answer.
    """
    before = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="speech.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode()
    after = f"\r\n--{_BOUNDARY}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {'keep-alive' if keeps else 'close'}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        f"Content-Length: {len(before) + size + len(after)}\r\n\r\n"
    )
    yield head.encode() + before
    yield from content
    yield after


async def post(url: str, content: Iterable[bytes], size: int, *, timeout_s: float) -> Reply:
    """Upload one file to `/asr` over a connection of its own.

    Args:
        url: of the server, "http://HOST:PORT".
        content: of the file.
        size: its bytes.
        timeout_s: for all of it.
    """
    address = urlsplit(url)
    request = form(content, size, path="/asr", host=address.netloc, keeps=False)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=_BUFFER)
            try:
                return await _exchange(reader, writer, request)
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return Reply(status=0, reason=f"no answer within {timeout_s:.0f} s")
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        return Reply(status=0, reason=repr(error))


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Iterable[bytes]) -> Reply:
    writer.transport.set_write_buffer_limits(high=_BUFFER)
    # A server may refuse before it has read everything, and close: its answer is there all the same.
    with contextlib.suppress(ConnectionError):
        for part in request:
            writer.write(part)
            await writer.drain()
    return await read_reply(reader)


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one answer that says its length, or ends with its connection.

    Raises:
        IncompleteReadError: the connection ended before the answer.
        ValueError: it is no HTTP.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    length = lines.get("content-length")
    body = await reader.read() if length is None else await reader.readexactly(int(length))
    return Reply(status=status, body=body)
