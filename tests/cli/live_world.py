"""A real server around played sessions, a proxy that breaks connections, and a client between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harken.cli.client import open_session
from harken.cli.live_client import LiveClient
from harken.cli.live_told import Told
from harken.cli.live_wish import LiveWish
from harken.types import SAMPLE_RATE
from tests.api.live.speaking import Speaking, served

Story = Callable[["Talk"], Awaitable[None]]


class Breaking:
    """A proxy whose connections can be broken off.

    Args:
        port: of the server behind it.

    Attributes:
        port: its own.
        is_open: whether it takes new connections.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.is_open = True
        self._behind = port
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Breaking]:
        """Serve."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                self.break_off()

    def break_off(self) -> None:
        """Break every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        reader_behind, writer_behind = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers += [writer, writer_behind]
        async with asyncio.TaskGroup() as group:
            group.create_task(_carry(reader, writer_behind))
            group.create_task(_carry(reader_behind, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()


@dataclass(kw_only=True)
class Talk:
    """A client that talks.

    Attributes:
        world: the server's.
        proxy: between them.
        client: it.
        told: what it was told.
        warned: what a person was told.
    """

    world: Speaking
    proxy: Breaking
    client: LiveClient
    told: list[Told] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """Of what was told."""
        return [one.kind for one in self.told]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that comes with what is told, or with sound that arrives."""
        async with asyncio.timeout(20):
            while not is_so():
                await asyncio.sleep(0.005)

    async def until_heard(self, seconds: float) -> None:
        """Wait until so much sound has arrived."""
        await self.until(lambda: bool(self.world.live and self.world.live.sessions) and self._heard_s() >= seconds)

    def _heard_s(self) -> float:
        return self.world.session.received_s

    def texts(self) -> list[str]:
        """Of all turns that were completed."""
        return [one.text for one in self.told if one.kind == "completed"]


def sound(seconds: float) -> NDArray[np.int16]:
    """Noise in which no two places are alike."""
    random = np.random.default_rng(7)
    return random.integers(-20_000, 20_000, round(seconds * SAMPLE_RATE)).astype(np.int16)


def talk(story: Story, *, world: Speaking | None = None, **options: Any) -> Talk:
    """Have a client talk for as long as a story feeds it; returns when everything was told."""
    wish = {name: options.pop(name) for name in ("finds_turns", "language") if name in options}

    async def run() -> Talk:
        told: list[Told] = []
        warned: list[str] = []
        there = world or Speaking()
        async with asyncio.timeout(30), served(there) as (server, _):
            behind = Breaking(int(server.url.rpartition(":")[2]))
            async with behind.running() as proxy, open_session() as http:
                client = LiveClient(
                    http,
                    LiveWish(server=f"http://127.0.0.1:{proxy.port}", **wish),
                    tell=told.append,
                    warn=warned.append,
                    **options,
                )
                talking = Talk(world=there, proxy=proxy, client=client, told=told, warned=warned)
                await client.talk(lambda: story(talking))
                return talking

    return asyncio.run(run())


async def send(talk: Talk, samples: NDArray[np.int16]) -> None:
    """Send samples in packets of 100 ms."""
    for at in range(0, len(samples), 1600):
        await talk.client.send(samples[at : at + 1600].tobytes())
