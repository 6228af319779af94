"""A small instance that speaks the wire protocol and does as a test tells it: a real server on a real port.

It knows no model: the text of a segment is a checksum of its samples, so that every right answer can be told from every
wrong one, whichever instance gave it. Run as a program it is an instance in a process of its own, to be killed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum, auto

import numpy as np
from aiohttp import web

from harken.types import ModelInfo, Segment, Transcript, Wish
from harken.wire import (
    MESSAGES_TYPE,
    PROVE_PATH,
    RECOGNIZE_PATH,
    STATE_PATH,
    Beat,
    Delta,
    Done,
    Failed,
    InstanceState,
    Job,
    Message,
    pack_message,
    pack_state,
    unpack_job,
)
from tests.dispatch.scripted import ScriptedServer


def expected_text(segment: Segment) -> str:
    """The one right answer for a segment."""
    return f"{len(segment.samples)} samples, sum {zlib.crc32(segment.samples.tobytes()):08x}"


class Script(StrEnum):
    """What the instance does with a segment."""

    ANSWER = auto()
    GATED = auto()
    """Beats until the gate opens, then answers."""
    GATED_FAILS = auto()
    """Beats until the gate opens, then fails."""
    DELAYED = auto()
    """Takes a quarter of a second."""
    DIE_BEFORE_TEXT = auto()
    DIE_AFTER_TEXT = auto()
    HANG = auto()
    """Takes the segment and then says nothing at all."""
    STOP_SHORT = auto()
    """Ends the stream properly, but without a result."""
    GARBAGE = auto()
    LONG_LINE = auto()
    DRAINING = auto()
    FULL = auto()
    ENGINE_FAILS = auto()
    FLAKY = auto()
    """Fails every second segment."""
    CLIENT_FAULT = auto()
    OTHER_VERSION = auto()
    DEFECT = auto()
    WRONG_CANARY = auto()
    """Says of everything that its canary is wrong."""
    ODD_VALUES = auto()
    """Ends with a transcript whose text is a number."""
    ERROR_PAGE = auto()


class Instance(ScriptedServer):
    """One scripted instance; its fields may be changed while it runs.

    Args:
        name: what it calls itself.
        script: what it does with segments.
        slots: what it says that it has.
        revision: of its model.
    """

    def __init__(self, name: str, script: Script = Script.ANSWER, *, slots: int = 2, revision: str = "1") -> None:
        self.name = name
        self.revision = revision
        self.script = script
        self.slots = slots
        self.state = "ready"
        self.state_body: bytes | None = None
        self.gate = asyncio.Event()
        self.seen: list[str] = []
        self.jobs: list[Job] = []
        self.connections: set[tuple[str, int]] = set()
        self.lacks: tuple[Wish, ...] = ()
        self.names_itself = False
        self.looks = 0
        self.proofs = 0
        self.uptime_s = 0.0
        self.canary = "canary"
        self.canary_script: Script | None = None
        """What it does with its canary; None: what it does with segments."""
        self.progress = 0
        self.running = 0
        self.most_running = 0
        self.abandoned = 0

    def routes(self) -> Iterable[web.RouteDef]:
        """Those of the wire protocol."""
        return (
            web.get(STATE_PATH, self._tell_state),
            web.post(RECOGNIZE_PATH, self._recognize),
            web.post(PROVE_PATH, self._prove),
        )

    async def _tell_state(self, request: web.Request) -> web.Response:
        self.looks += 1
        self.changed.set()
        if self.state_body is not None:
            return web.Response(body=self.state_body)
        model = ModelInfo(
            name="checksum",
            revision=self.revision,
            max_segment_s=30.0,
            languages=("English", "Chinese"),
            slots=self.slots,
            lacks=self.lacks,
        )
        has_model = self.state != "starting"
        state = InstanceState(
            name=self.name,
            state=self.state,
            model=model if has_model else None,
            in_flight=self.running,
            uptime_s=self.uptime_s,
        )
        return web.Response(body=pack_state(state))

    async def _prove(self, request: web.Request) -> web.StreamResponse:
        self.proofs += 1
        self.changed.set()
        script = self.canary_script or self.script
        if script is Script.HANG:
            await asyncio.Event().wait()
        if script in _ENDINGS:
            return web.Response(body=pack_message(_ENDINGS[script]))
        if self.canary != "canary":
            return web.Response(body=pack_message(Failed(code="canary_failed", message=f"It heard {self.canary!r}.")))
        heard = Transcript(text=self.canary, language="English", audio_s=1.0)
        return web.Response(body=pack_message(Done(transcript=heard)))

    async def _recognize(self, request: web.Request) -> web.StreamResponse:
        job = unpack_job(await request.read())
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self.seen.append(job.segment.request_id)
        self.jobs.append(job)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.changed.set()
        try:
            return await self._play(request, job)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        finally:
            self.running -= 1
            self.changed.set()

    async def _play(self, request: web.Request, job: Job) -> web.StreamResponse:
        if self.script is Script.ERROR_PAGE:
            return web.Response(status=500, text="Internal Server Error")
        if self.script in _REFUSALS:
            return web.Response(status=503, body=pack_message(_REFUSALS[self.script]))
        response = web.StreamResponse(headers={"Content-Type": MESSAGES_TYPE})
        await response.prepare(request)

        async def say(message: Message) -> None:
            await response.write(pack_message(message))

        await self._perform(request, job, say, response.write)
        await response.write_eof()
        return response

    async def _perform(
        self,
        request: web.Request,
        job: Job,
        say: Callable[[Message], Awaitable[None]],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        await say(Beat())
        if self.script is Script.FLAKY and len(self.seen) % 2:
            return await say(_ENDINGS[Script.ENGINE_FAILS])
        if self.script in _ENDINGS:
            return await say(_ENDINGS[self.script])
        match self.script:
            case Script.GATED:
                await self._beat_until_open(say)
            case Script.GATED_FAILS:
                await self._beat_until_open(say)
                return await say(_ENDINGS[Script.ENGINE_FAILS])
            case Script.DELAYED:
                await asyncio.sleep(0.25)
            case Script.DIE_BEFORE_TEXT:
                _abort(request)
            case Script.DIE_AFTER_TEXT:
                await say(Delta(text="4"))
                _abort(request)
            case Script.HANG:
                await asyncio.Event().wait()
            case script if script in _NONSENSE:
                await write(_NONSENSE[script])
            case _:
                pass
        if self.script is not Script.STOP_SHORT:
            await self._answer(job, say)
        return None

    async def _answer(self, job: Job, say: Callable[[Message], Awaitable[None]]) -> None:
        text = expected_text(job.segment)
        if job.wants_deltas:
            for piece in (text[:5], text[5:]):
                await say(Delta(text=piece))
        language = job.options.language or "English"
        name = self.name if self.names_itself else ""
        heard = Transcript(text=text, language=language, audio_s=job.segment.audio_s, instance=name)
        await say(Done(transcript=heard))

    async def _beat_until_open(self, say: Callable[[Message], Awaitable[None]]) -> None:
        while not self.gate.is_set():
            try:
                async with asyncio.timeout(0.05):
                    await self.gate.wait()
            except TimeoutError:
                await say(Beat(progress=self.progress))


_ENDINGS = {
    Script.ENGINE_FAILS: Failed(code="engine_failed", message="The model raised."),
    Script.CLIENT_FAULT: Failed(code="unknown_language", message="No such language."),
    Script.OTHER_VERSION: Failed(code="wire_error", message="This side speaks another wire version."),
    Script.DEFECT: Failed(code="internal_error", message="Something went wrong inside the server."),
    Script.WRONG_CANARY: Failed(code="canary_failed", message="It heard something else."),
}

_NONSENSE = {
    Script.GARBAGE: b"\xff\xfenonsense\n",
    Script.LONG_LINE: b"x" * (2 << 20),
    Script.ODD_VALUES: pack_message(Done(transcript=Transcript(text="5", language="", audio_s=1.0))).replace(
        b'"5"', b"5"
    ),
}

_REFUSALS = {
    Script.DRAINING: Failed(code="draining", message="Shutting down."),
    Script.FULL: Failed(code="queue_full", message="No room.", retry_after_s=3),
}


def _abort(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


@asynccontextmanager
async def running(*instances: Instance) -> AsyncIterator[None]:
    """Let instances listen; close them on the way out."""
    for instance in instances:
        await instance.listen()
    try:
        yield
    finally:
        for instance in instances:
            instance.gate.set()
            await instance.vanish()


def make_segment(request_id: str = "req", *, seconds: float = 1.0, seed: int = 0, index: int = 0) -> Segment:
    """Noise that differs with its seed."""
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * 16_000)).astype(np.float32)
    return Segment(samples=samples, request_id=request_id, index=index)


async def _serve(name: str, script: Script, slots: int) -> None:
    instance = Instance(name, script, slots=slots)
    async with running(instance):
        print(json.dumps({"port": instance.port}), flush=True)  # noqa: T201 - how a child announces its port
        # The parent holds the other end of our standard input: when it goes, we go.
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="child")
    parser.add_argument("--script", type=Script, default=Script.ANSWER)
    parser.add_argument("--slots", type=int, default=2)
    given = parser.parse_args()
    asyncio.run(_serve(given.name, given.script, given.slots))
