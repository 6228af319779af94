"""A real server on a port of its own around fakes: what the tests of the API talk to."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from harken.api.app import create_app
from harken.api.health import word_of
from harken.api.service import Service
from harken.api.sight import Sight
from harken.config import LimitsConfig
from harken.events import Event
from harken.telemetry.broadcast import Broadcast
from harken.telemetry.look import Look, MachineLook
from harken.telemetry.telemetry import Telemetry
from harken.transcribe.transcriber import Transcriber
from harken.types import Health, InstanceHealth
from tests.transcribe.fakes import INFO, FakeReader, FakeRecognizer, file, speech

Result = TypeVar("Result")

CLIP = file(speech(0.5))
LIMITS = LimitsConfig(upload_bytes=1_000_000, audio_s=60.0)
READY = Health(
    name="asr-1",
    is_ready=True,
    state="ready",
    model=INFO.name,
    instances=(InstanceHealth(name="asr-1", url="http://127.0.0.1:7861", state="ready", slots=4),),
)


@dataclass
class World:
    """A server's parts, which a test may change while it runs.

    Attributes:
        has_service: False plays a server that has just been started.
        told: everything that was told of what happened.
    """

    recognizer: FakeRecognizer = field(default_factory=FakeRecognizer)
    limits: LimitsConfig = LIMITS
    health: Health = READY
    has_service: bool = True
    told: list[Event] = field(default_factory=list)

    def provider(self) -> Service | None:
        """What `create_app` wants."""
        if not self.has_service:
            return None
        return Service(
            name=self.health.name,
            transcriber=Transcriber(self.recognizer, FakeReader(), self.limits, tell=self.told.append),
            recognizer=self.recognizer,
            health=lambda: self.health,
            limits=self.limits,
        )

    def app(self) -> FastAPI:
        """The app over this world."""
        return create_app(self.provider, sight=self.sight())

    def sight(self) -> Sight:
        """Its eyes, which see this world's health and an idle machine."""

        def look() -> Look:
            return Look(kind="instance", status=word_of(self.health), health=self.health, machine=MachineLook(cores=2))

        telemetry = Telemetry(look, is_gateway=False)
        telemetry.trace_to(self.told.append)
        return Sight(telemetry=telemetry, broadcast=Broadcast(telemetry.cluster))

    def becomes(self, state: str, *, is_ready: bool) -> None:
        """Change the health."""
        self.health = dataclasses.replace(self.health, state=state, is_ready=is_ready)


class _Server(uvicorn.Server):
    """Says when it listens, stops without polling, and leaves signals to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self.stop = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Uvicorn's own looks every tenth of a second whether it is over: half a minute of all the tests together.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(5):
            while self.server_state.connections or self.server_state.tasks:
                await asyncio.sleep(0.001)
        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app on a free port; gives its address. Requests that are still running at the end fail the test."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="on", http="httptools", timeout_graceful_shutdown=5))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        await server.is_up.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop.set()


def talk(world: World, conversation: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
    """Run a conversation of a client with a new server; afterwards nothing may be left in the recognizer."""

    async def run() -> Result:
        async with (
            asyncio.timeout(30),
            serving(world.app()) as url,
            httpx.AsyncClient(base_url=url, timeout=20, verify=False) as client,
        ):
            return await conversation(client)

    result = asyncio.run(run())
    assert world.recognizer.in_flight == 0, f"{world.recognizer.in_flight} segments were left in the recognizer"
    return result


def ask(world: World, method: str, path: str, **rest: Any) -> httpx.Response:
    """One request to a new server."""
    return talk(world, lambda client: client.request(method, path, **rest))


def ask_all(world: World, method: str, path: str, forms: Iterable[dict[str, Any]]) -> list[httpx.Response]:
    """One request after another to the same new server."""

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.request(method, path, **form) for form in forms]

    return talk(world, conversation)
