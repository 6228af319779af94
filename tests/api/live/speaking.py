"""A real server with real sockets around sessions that a test plays itself."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harken.api.app import create_app
from harken.api.service import Service
from harken.errors import Draining, EmptyAudio, HarkenError, SessionUnknown, UnsupportedOption
from harken.keys import Admission
from harken.live.events import Committed, Completed, Ended, LiveEvent, SpeechStarted, SpeechStopped, Text
from harken.live.settings import LiveSettings
from harken.server.door import Door
from harken.server.ending import Ending
from harken.types import SAMPLE_RATE, Requester
from tests.api.world import World
from tests.server.running import Running, running

Result = TypeVar("Result")

TIMEOUT_S = 20.0


class PlayedSession:
    """A session whose events a test tells; it does the simplest that its contract allows.

    Attributes:
        settings: now in force.
        samples: that it was fed.
        may_feed: cleared, it holds whoever feeds it.
        told: its events.
        log: what was asked of it.
    """

    def __init__(self, session_id: str, settings: LiveSettings, requester: Requester) -> None:
        self.id = session_id
        self.settings = settings
        self.requester = requester
        self.samples: list[NDArray[np.float32]] = []
        self.may_feed = asyncio.Event()
        self.may_feed.set()
        self.told: list[LiveEvent] = []
        self.log: list[str] = []
        self.news = asyncio.Condition()
        self.refusal: HarkenError | None = None
        self._turn_from_s = 0.0
        self._turns = 0
        self._readers = 0

    @property
    def received_s(self) -> float:
        """Seconds that it was fed."""
        return sum(map(len, self.samples)) / SAMPLE_RATE

    @property
    def sound(self) -> NDArray[np.float32]:
        """All that it was fed."""
        return np.concatenate([np.zeros(0, np.float32), *self.samples])

    async def feed(self, samples: NDArray[np.float32]) -> None:
        """Keep it."""
        await self.may_feed.wait()
        self.samples.append(samples)
        await self.tell()

    async def tell(self, *events: LiveEvent) -> None:
        """Events happen."""
        async with self.news:
            self.told.extend(events)
            self.news.notify_all()

    async def commit(self) -> None:
        """One turn of everything since the last, whose text is its length."""
        self.log.append("commit")
        if self.received_s - self._turn_from_s < 0.1:
            raise EmptyAudio("There is less than 0.1 s of audio to commit.")
        start_s, end_s = self._turn_from_s, self.received_s
        self._turn_from_s = end_s
        await self.speak(start_s, end_s)

    async def speak(self, start_s: float, end_s: float) -> None:
        """A turn that was committed by hand."""
        self._turns += 1
        turn = self._turns
        await self.tell(
            Text(turn=turn, delta="", tentative="so"),
            Committed(turn=turn, start_s=start_s, end_s=end_s, before=turn - 1 or None),
            Text(turn=turn, delta="so many", tentative=""),
            Completed(turn=turn, text="so many", language="English", start_s=start_s, end_s=end_s),
        )

    async def hear_turn(self) -> None:
        """A turn that the server finds."""
        self._turns += 1
        turn = self._turns
        await self.tell(
            SpeechStarted(turn=turn, at_s=0.25),
            Text(turn=turn, delta="one", tentative=" tow"),
            Text(turn=turn, delta=" two", tentative=""),
            SpeechStopped(turn=turn, at_s=1.5),
            Committed(turn=turn, start_s=0.25, end_s=1.5, before=turn - 1 or None),
            Text(turn=turn, delta=" three", tentative=""),
            Completed(turn=turn, text="one two three", language="English", start_s=0.25, end_s=1.5),
        )

    async def clear(self) -> None:
        """Forget."""
        self.log.append("clear")
        self._turn_from_s = self.received_s

    async def change(self, settings: LiveSettings) -> None:
        """Other settings."""
        self.log.append("change")
        if self.refusal is not None:
            raise self.refusal
        self.settings = settings

    async def finish(self, error: HarkenError | None = None) -> None:
        """The rest is a turn, and that was it."""
        self.log.append("finish" if error is None else f"finish {error.code}")
        if self.received_s - self._turn_from_s >= 0.1:
            await self.commit()
        await self.tell(Ended(error=error))

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, LiveEvent]]:
        """All after that number; a later reader ends this one."""
        if after > len(self.told):
            raise SessionUnknown
        self._readers += 1
        own = self._readers
        async with self.news:
            self.news.notify_all()
        for place in itertools.count(after):
            async with self.news:
                while len(self.told) <= place and own == self._readers:
                    await self.news.wait()
            if own != self._readers:
                return
            event = self.told[place]
            yield place + 1, event
            if isinstance(event, Ended):
                return

    def leave(self) -> None:
        """The client is away."""
        self.log.append("leave")

    def close(self) -> None:
        """Over."""
        self.log.append("close")


@dataclass
class PlayedLive:
    """Opens played sessions.

    Attributes:
        sessions: all that were opened.
        is_refused: the next one, for this.
    """

    sessions: list[PlayedSession] = field(default_factory=list)
    is_refused: HarkenError | None = None

    def refusal(self, requester: Requester, session_id: str | None = None) -> HarkenError | None:
        """What is to be; or that there is none of that name."""
        if session_id is None:
            return self.is_refused
        is_there = any(one.id == session_id and one.requester.key == requester.key for one in self.sessions)
        return None if is_there else SessionUnknown()

    async def open(self, settings: LiveSettings, *, requester: Requester, request_id: str, route: str) -> PlayedSession:
        """Open one."""
        if self.is_refused is not None:
            raise self.is_refused
        session = PlayedSession(f"secret-{len(self.sessions)}", settings, requester)
        self.sessions.append(session)
        return session

    async def check(self, settings: LiveSettings, *, requester: Requester, request_id: str) -> None:
        """What is told beforehand may have 1,000 characters."""
        if len(settings.options.context) > 1000:
            raise UnsupportedOption("The context is too long.", field="prompt")

    def resume(self, session_id: str, *, requester: Requester) -> PlayedSession:
        """Find one."""
        for session in self.sessions:
            if session.id == session_id and session.requester.key == requester.key:
                session.log.append("resume")
                return session
        raise SessionUnknown


@dataclass
class Speaking(World):
    """A world in which people speak.

    Attributes:
        live: opens their sessions.
        admission: keys and limits.
        cors_origins: web pages that may connect.
        drain_s: how long it drains.
    """

    live: PlayedLive | None = field(default_factory=PlayedLive)
    admission: Admission | None = None
    cors_origins: str = ""
    drain_s: float = 5.0

    def provider(self) -> Service | None:
        """The service, with live transcription."""
        service = super().provider()
        if service is None:
            return None
        return Service(
            name=service.name,
            transcriber=service.transcriber,
            recognizer=service.recognizer,
            health=service.health,
            limits=service.limits,
            live=self.live,
        )

    @property
    def session(self) -> PlayedSession:
        """The newest."""
        assert self.live is not None
        return self.live.sessions[-1]


class Served:
    """What `harken.server.run.serve` runs: the door, and a drain like a gateway's."""

    def __init__(self, world: Speaking) -> None:
        self._world = world
        self.door = Door(
            create_app(world.provider, admission=world.admission, cors_origins=world.cors_origins, sight=world.sight())
        )

    @property
    def app(self) -> ASGIApp:
        """With the door before it."""
        return self.door

    async def drain(self) -> None:
        """Wait until all have left."""
        self._world.becomes("draining", is_ready=False)
        await self.door.wait_empty(self._world.drain_s)

    async def gave_up(self) -> Ending:
        """Never."""
        await asyncio.Event().wait()
        raise AssertionError


@asynccontextmanager
async def served(world: Speaking) -> AsyncIterator[tuple[Running, Served]]:
    """The world behind a real port; afterwards nobody is inside."""
    what = Served(world)
    async with running(what) as server:
        yield server, what
    assert what.door.inside == 0, f"{what.door.inside} are still inside"


def speak(world: Speaking, story: Callable[[str], Awaitable[Result]]) -> Result:
    """Run a story against a new server's ws:// address."""

    async def run() -> Result:
        async with asyncio.timeout(30), served(world) as (server, _):
            return await story(server.url.replace("http", "ws", 1))

    return asyncio.run(run())


def dial(url: str, **rest: Any) -> connect:
    """A client without a proxy and without pings of its own."""
    return connect(url, proxy=None, compression=None, ping_interval=None, **rest)


async def told(client: ClientConnection) -> dict[str, Any]:
    """The next message."""
    async with asyncio.timeout(TIMEOUT_S):
        message: dict[str, Any] = json.loads(await client.recv())
    return message


async def all_told(client: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """All messages until the close, and its code."""
    messages = []
    try:
        while True:
            messages.append(await told(client))
    except ConnectionClosed:
        return messages, client.close_code or 0


async def say(client: ClientConnection, kind: str, **members: Any) -> None:
    """Send an event."""
    await client.send(json.dumps({"type": kind, **members}))


async def refused(url: str, **rest: Any) -> tuple[int, dict[str, Any]]:
    """The status and the error of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        await dial(url, **rest)
    response = refusal.value.response
    assert response.headers["X-Request-Id"]
    error: dict[str, Any] = json.loads(response.body or b"")["error"]
    return response.status_code, error


def pcm(seconds: float, rate: int = SAMPLE_RATE) -> bytes:
    """A tone as PCM16."""
    times = np.arange(round(seconds * rate)) / rate
    return (np.sin(times * 440 * 2 * np.pi) * 8000).astype("<i2").tobytes()


def base64_of(data: bytes) -> str:
    """As OpenAI's events carry it."""
    return base64.b64encode(data).decode()


def kinds(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Their types."""
    return [message["type"] for message in messages]


def draining() -> HarkenError:
    """The error of a server that leaves."""
    return Draining(retry_after_s=5)
