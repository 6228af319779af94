"""What the scripted servers of these tests share: a real port that opens and closes, and waiting for what they see."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import cached_property

from aiohttp import web


class ScriptedServer:
    """A server in this process that does as a test tells it.

    Attributes:
        port: where it listens; 0 before it ever did.
        tls: its certificate, None for plain HTTP.
    """

    port: int = 0
    tls: ssl.SSLContext | None = None
    _open: tuple[web.AppRunner, socket.socket] | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        """What it answers."""
        raise NotImplementedError

    @cached_property
    def changed(self) -> asyncio.Event:
        """Set whenever something became different that a test may wait for."""
        return asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Open its port: a free one the first time, the same one afterwards."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_routes(self.routes())
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        door = socket.create_server(("127.0.0.1", self.port))
        self._open = runner, door
        self.port = door.getsockname()[1]
        await web.SockSite(runner, door, ssl_context=self.tls).start()

    async def vanish(self) -> None:
        """Close the port and every connection."""
        if self._open is None:
            return
        (runner, door), self._open = self._open, None
        # What was accepted already becomes a connection first. Before Python 3.12 a server that is closed in between
        # leaves its socket to the garbage collector, which complains in the middle of some other test.
        asyncio.get_running_loop().remove_reader(door)
        await asyncio.sleep(0)
        await runner.cleanup()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of it."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
