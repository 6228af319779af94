"""The control socket: how this user changes the running fleet. The server's side.

One connection, one request: a JSON object on a line, {"do": "scale", "count": 4}. Answers are JSON lines: any number of
{"progress": "asr-5 starts"}, then one {"done": {…}} or {"error": {"code": …, "message": …}}. Who may connect says the
file: mode 0600 in a folder of mode 0700; on Linux the kernel is asked for the caller besides. What a request means is
in `handlers`; this module owns the socket. The invariants: every request gets exactly one last line as long as its
sender listens, and whoever goes away ends nothing but his own watching.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harken.errors import ClientError, ConfigError, HarkenError
from harken.fleet.one_change import Tell
from harken.log import get_log
from harken.state.control_socket import NAME, is_answered, socket_address

Request = Mapping[str, Any]
Handler = Callable[[Request, Tell], Awaitable[dict[str, Any]]]
"""Does what a request says; raises `HarkenError` for what it cannot."""

_LINE_BYTES = 65_536
_REQUEST_TIMEOUT_S = 10.0
_CONNECTIONS_MAX = 64
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid, as Linux has them

_log = get_log("fleet.control")


class Control:
    """Listens in a run folder.

    Args:
        folder: the run folder; it exists.
        handlers: by what a request's "do" says.
    """

    def __init__(self, folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen; where that is not possible the gateway does without, and the log says so."""
        try:
            if is_answered(self._folder):
                raise ConfigError("Another gateway listens there: one on the same port of another address.")
            with socket_address(self._folder) as address:
                listener = _listen(address)
            self._inode = (self._folder / NAME).stat().st_ino
            self._server = await asyncio.start_unix_server(self._welcome, sock=listener, limit=_LINE_BYTES)
        except (OSError, ConfigError) as error:
            _log.warning("control.unavailable", folder=str(self._folder), reason=str(error))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Listen no more; whoever waits for an answer is told that the gateway leaves."""
        if self._server is None:
            return
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        with suppress(OSError):
            path = self._folder / NAME
            if path.stat().st_ino == self._inode:
                path.unlink()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None, "a connection has a task of its own"
        self._talks.add(talk)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            # The other end is gone, or we are leaving; asyncio would print the latter as a defect.
            pass
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(message: Mapping[str, Any], *, is_last: bool = True) -> None:
            # What nobody reads is not kept: a spectator who sleeps must not fill our memory. The last line is.
            has_room = is_last or writer.transport.get_write_buffer_size() < _LINE_BYTES
            if has_room and not writer.transport.is_closing():
                with suppress(RuntimeError, OSError):
                    writer.write(json.dumps(message).encode() + b"\n")

        try:
            if len(self._talks) > _CONNECTIONS_MAX or not _is_ours(writer):
                raise ClientError("This socket is not for you, or too many use it at once.")
            request = _read(await asyncio.wait_for(reader.readline(), _REQUEST_TIMEOUT_S))
            answer = await self._answer(request, lambda sentence: say({"progress": sentence}, is_last=False))
            say({"done": answer})
        except asyncio.CancelledError:
            say({"error": {"code": "draining", "message": "The gateway is leaving."}})
        except HarkenError as error:
            say({"error": {"code": error.code, "message": error.message}})
        except (TimeoutError, ValueError, asyncio.LimitOverrunError):
            say({"error": {"code": ClientError.code, "message": "A request is one line of JSON, sent at once."}})
        with suppress(TimeoutError):
            await asyncio.wait_for(writer.drain(), _REQUEST_TIMEOUT_S)

    async def _answer(self, request: Request, tell: Tell) -> dict[str, Any]:
        handler = self._handlers.get(str(request.get("do")))
        if handler is None:
            raise ClientError(f"Unknown request {request.get('do')!r}; known are: {', '.join(self._handlers)}.")
        return await handler(request, tell)


def _listen(address: str) -> socket.socket:
    """Bind; what a gateway left that was killed goes first."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(address).st_mode):
            os.unlink(address)  # noqa: PTH108 - the address may be one of /proc, which pathlib would resolve
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(address)
        os.chmod(address, 0o600)  # noqa: PTH101 - as above
        listener.listen()
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether this user, or root, calls; where the kernel does not say, the file's mode has to do."""
    if not sys.platform.startswith("linux"):
        return True
    connection = writer.get_extra_info("socket")
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(told)[1] in (0, os.geteuid())


def _read(line: bytes) -> Request:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(request, dict):
        raise ValueError("not an object")
    return request
