"""A web server that tells the truth, lies or breaks off, as a test wants it; real sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came: the target as written, headers with names in small letters."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """Without the query."""
        return unquote(self.target.partition("?")[0])


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with an answer.

    Attributes:
        status: refuse with this status.
        headers: added to the answer's.
        break_after: close the connection after so many bytes of the body.
        claims: say this Content-Length, whatever is sent.
        is_corrupt: a byte of the body is another.
        extra: bytes behind the body, without a Content-Length.
        pause_s: wait so long before each block of the body.
        block: bytes of a block.
        hides_length: send the body without Content-Length.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    break_after: int | None = None
    claims: int | None = None
    is_corrupt: bool = False
    extra: bytes = b""
    pause_s: float = 0.0
    block: int = 64 * 1024
    hides_length: bool = False


@dataclass
class File:
    """A file of the server; `etag` and `has_ranges` are how it shows it."""

    body: bytes
    etag: str = ""
    has_ranges: bool = True
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Answered:
    """What was sent for a request."""

    request: Request
    status: int = 0
    sent: int = 0


@dataclass
class FileServer:
    """Its files, its faults and its memory; all may be changed while it runs.

    Attributes:
        url: its address, once it runs.
        files: path → file.
        redirects: path → where to.
        fault: asked for each request with the number of earlier ones of that path.
        gate: asked before all else; a status and headers refuse.
        locate: the path of the file that a request is for.
        answered: all it did.
    """

    url: str = ""
    files: dict[str, File] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    fault: Callable[[Request, int], Fault | None] = lambda _request, _earlier: None
    gate: Callable[[Request], tuple[int, dict[str, str]] | None] = lambda _request: None
    locate: Callable[[Request], str] = lambda request: request.path
    answered: list[Answered] = field(default_factory=list)

    def sent(self, part: str) -> int:
        """Bytes of bodies that were sent for paths with this in them."""
        return sum(one.sent for one in self.answered if part in one.request.path)

    def requests(self, part: str) -> list[Request]:
        """The requests for paths with this in them."""
        return [one.request for one in self.answered if part in one.request.path]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            request = await _read(reader)
            done = Answered(request=request)
            earlier = len(self.requests(request.path))
            self.answered.append(done)
            await self._answer(request, done, writer, self.fault(request, earlier) or Fault())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has left
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, request: Request, done: Answered, writer: asyncio.StreamWriter, fault: Fault) -> None:
        refusal = self.gate(request)
        if refusal is not None:
            await _send(done, writer, refusal[0], refusal[1], b"", fault)
            return
        if fault.status:
            await _send(done, writer, fault.status, dict(fault.headers), b"", fault)
            return
        target = self.redirects.get(self.locate(request))
        if target is not None:
            await _send(done, writer, 302, {"Location": target}, b"", fault)
            return
        file = self.files.get(self.locate(request))
        if file is None:
            await _send(done, writer, 404, {}, b"", fault)
            return
        status, headers, body = _part_of(file, request)
        await _send(done, writer, status, {**headers, **dict(file.headers)}, body, fault, request.method)


def _part_of(file: File, request: Request) -> tuple[int, dict[str, str], bytes]:
    headers = {"ETag": file.etag} if file.etag else {}
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not found or not file.has_ranges or request.headers.get("if-range", file.etag) != file.etag:
        return 200, headers, file.body
    first, last = int(found[1]), int(found[2] or len(file.body) - 1)
    last = min(last, len(file.body) - 1)
    if first >= len(file.body):
        return 416, {**headers, "Content-Range": f"bytes */{len(file.body)}"}, b""
    return 206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(file.body)}"}, file.body[first : last + 1]


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    return Request(method=method, target=target, headers={name.lower(): value.strip() for name, _, value in pairs})


async def _send(
    done: Answered,
    writer: asyncio.StreamWriter,
    status: int,
    headers: dict[str, str],
    body: bytes,
    fault: Fault,
    method: str = "GET",
) -> None:
    done.status = status
    length = len(body) if fault.claims is None else fault.claims
    lengths = {} if fault.hides_length or fault.extra else {"Content-Length": str(length)}
    lines = {**headers, **lengths, **dict(fault.headers), "Connection": "close"}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    writer.write(head.encode("latin-1"))
    if method == "HEAD":
        return
    if fault.is_corrupt and body:
        body = body[:-1] + bytes([body[-1] ^ 1])
    body += fault.extra
    if fault.break_after is not None:
        body = body[: fault.break_after]
    for first in range(0, len(body), fault.block):
        if fault.pause_s:
            await asyncio.sleep(fault.pause_s)
        block = body[first : first + fault.block]
        writer.write(block)
        await writer.drain()
        done.sent += len(block)


@contextmanager
def running(server: FileServer) -> Iterator[FileServer]:
    """Serve until the end of the block."""
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        is_up.set()
        await stop.wait()
        listener.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
