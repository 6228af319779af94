"""Running our servers inside a test's own event loop, and talking the wire to them.

They are stopped as operators stop them: by SIGTERM, here to this very process, which the server handles.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from harken.config import CacheConfig, Config, InstanceConfig
from harken.engine.canary import Canary
from harken.engine.load import STUB_SLOTS, Loaded
from harken.engine.stub import StubEngine, stub_text
from harken.engine.stub_options import parse_stub
from harken.server.ending import Ending
from harken.server.instance import Instance, Load
from harken.server.port import listen, url_of
from harken.server.run import Served, serve
from harken.testing.sounds import segment
from harken.types import Options
from harken.wire import (
    RECOGNIZE_PATH,
    SEGMENT_TYPE,
    STATE_PATH,
    InstanceState,
    Job,
    Message,
    pack_job,
    unpack_message,
    unpack_state,
)

TIMEOUT_S = 20.0


@dataclass
class Running:
    """A server that runs.

    Attributes:
        url: where.
        client: talks to it.
        serving: ends with the server.
    """

    url: str
    client: httpx.AsyncClient
    serving: asyncio.Task[Ending]
    _stops: int = field(default=0)

    def stop(self) -> None:
        """Send SIGTERM to the server."""
        self._stops += 1
        signal.raise_signal(signal.SIGTERM)

    async def ended(self) -> Ending:
        """Wait for the end."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.serving

    async def state(self) -> InstanceState:
        """Ask an instance how it is."""
        return unpack_state((await self.client.get(STATE_PATH)).content)

    async def wait_state(self, wanted: str) -> InstanceState:
        """Wait until an instance is in a state."""
        async with asyncio.timeout(TIMEOUT_S):
            while (now := await self.state()).state != wanted:
                await asyncio.sleep(0.005)
        return now

    async def recognize(self, job: Job) -> list[Message]:
        """Send a segment; return all messages."""
        answer = await self.client.post(
            RECOGNIZE_PATH, content=pack_job(job), headers={"Content-Type": SEGMENT_TYPE}, timeout=TIMEOUT_S
        )
        return [unpack_message(line) for line in answer.content.splitlines()]


@asynccontextmanager
async def running(served: Served) -> AsyncIterator[Running]:
    """Serve on a free port until the block ends, then with SIGTERM until it has ended."""
    listener = listen("127.0.0.1", 0)
    url = url_of(listener, "127.0.0.1")
    serving = asyncio.create_task(serve(served, listener))
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        server = Running(url=url, client=client, serving=serving)
        # The first answer proves that signals are handled.
        await client.get("/health/live", timeout=TIMEOUT_S)
        try:
            yield server
        finally:
            if not serving.done():
                server.stop()
            await server.ended()


def stub_config(model: str = "stub", *, drain_timeout_s: float = 10.0, slots: int = 8, waiting: int = 64) -> Config:
    """An instance with the stub for a model."""
    return Config(
        instance=InstanceConfig(
            model=model, name="asr-1", drain_timeout_s=drain_timeout_s, slots=slots, waiting=waiting
        ),
        cache=CacheConfig(bytes=0),  # tests send one recording again and again, and mean each of them
    )


def load_quickly(config: InstanceConfig) -> Loaded:
    """The stub with a canary of a tenth of a second, so that a slow stub is not slow to become ready."""
    spoken = segment(0.1)
    engine = StubEngine(
        parse_stub(config.model),
        slots=config.slots or STUB_SLOTS,
        waiting=config.waiting,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    canary = Canary(samples=spoken.samples, text=stub_text(spoken), language="English")
    return Loaded(engine=engine, canary=canary)


def stub_instance(config: Config | None = None, load_model: Load = load_quickly) -> Instance:
    """An instance that is not running yet."""
    return Instance(config or stub_config(), load_model, url="http://here")


def job(seconds: float = 1.0, *, wants_deltas: bool = False, seed: int = 0) -> Job:
    """A segment with speech-like noise."""
    return Job(segment=segment(seconds, seed=seed), options=Options(), wants_deltas=wants_deltas)
