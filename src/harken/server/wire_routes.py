"""The wire's three routes on an instance: recognise a segment, prove yourself, and tell the state.

Everything about bytes is in `harken.wire`; this module owns the order of one exchange. A proof is an exchange as well,
of a segment that the instance has itself. The invariants: whatever happens the answer's last line is one `Done` or
`Failed`, unless the gateway left first; while a segment waits or runs, there is a line at least every `BEAT_S` seconds
that says how far it is; and when the gateway leaves, the segment is cancelled down to the engine's slot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from harken.engine.canary import Canary
from harken.errors import AudioTooLong, HarkenError, InternalError
from harken.log import get_log
from harken.server.callers import Callers
from harken.trace import log_fields_of
from harken.types import SAMPLE_RATE, Options, Recognizer, Segment, Transcript
from harken.wire import (
    GATEWAY_HEADER,
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

BEAT_S = 1.0
"""Gateways expect a line at least every two seconds."""

_HEADER_BYTES_MAX = 1 << 20
_SAMPLE_BYTES = 4
_CALLER = GATEWAY_HEADER.encode()

_log = get_log("server.wire")


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What takes segments now.

    Attributes:
        recognizer: the engine.
        max_segment_s: the longest segment that it takes; longer bodies are not read.
        canary: what it proves itself with.
        progress: how far a segment is; see `harken.engine.instance_engine`.
        in_flight: segments that the engine holds.
    """

    recognizer: Recognizer
    max_segment_s: float
    canary: Canary
    progress: Callable[[Segment], int]
    in_flight: Callable[[], int] = lambda: 0

    @property
    def max_bytes(self) -> int:
        """The largest body that can hold such a segment."""
        return 4 + _HEADER_BYTES_MAX + (int(self.max_segment_s * SAMPLE_RATE) + 1) * _SAMPLE_BYTES


def wire_routes(intake: Callable[[], Intake], state: Callable[[], InstanceState]) -> list[Route]:
    """Return the routes.

    Args:
        intake: returns what takes segments, or raises why none are taken now (a `HarkenError`).
        state: the instance's state now.
    """
    callers = Callers()

    async def tell_state(request: Request) -> Response:
        caller, now = _caller(request.scope), state()
        callers.hear(caller, time.monotonic())
        told = replace(now, crowd=callers.crowd(caller, now.in_flight))
        return Response(pack_state(told), media_type="application/json")

    return [
        Route(RECOGNIZE_PATH, _Recognition(intake, callers), methods=["POST"]),
        Route(PROVE_PATH, _Proof(intake, callers), methods=["POST"]),
        Route(STATE_PATH, tell_state, methods=["GET"]),
    ]


class _Recognition:
    """The ASGI app behind the recognise route."""

    def __init__(self, intake: Callable[[], Intake], callers: Callers) -> None:
        self._intake = intake
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            intake = self._intake()
            job = unpack_job(await _read_body(receive, intake))
        except HarkenError as error:
            await _start(send, error.status)
            await _write(send, _failed(error), is_last=True)
        except ClientDisconnect:
            return
        else:
            await _start(send, 200)
            await _Exchange(intake, job, self._callers, _caller(scope)).run(receive, send)


class _Proof:
    """The ASGI app behind the prove route."""

    def __init__(self, intake: Callable[[], Intake], callers: Callers) -> None:
        self._intake = intake
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            intake = self._intake()
        except HarkenError as error:
            await _start(send, error.status)
            await _write(send, _failed(error), is_last=True)
            return
        await _start(send, 200)
        job = Job(segment=intake.canary.segment(), options=Options(), wants_deltas=False)
        await _Exchange(intake, job, self._callers, _caller(scope), intake.canary.judge).run(receive, send)


class _Exchange:
    """One segment from acceptance to its last line; `judge` raises where its transcript cannot be right."""

    def __init__(
        self,
        intake: Intake,
        job: Job,
        callers: Callers,
        caller: str,
        judge: Callable[[Transcript], None] = lambda _: None,
    ) -> None:
        self._intake = intake
        self._job = job
        self._callers = callers
        self._caller = caller
        self._judge = judge
        # Bounded by the segment's token cap.
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()

    async def run(self, receive: Receive, send: Send) -> None:
        self._callers.enter(self._caller)
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._work())
                watch = group.create_task(_cancel_when_gone(receive, work))
                await self._pass_on(send)
                watch.cancel()
        finally:
            self._callers.leave(self._caller)

    async def _work(self) -> None:
        """Recognise; the last thing put is the end, or None when it was cancelled."""
        end: Message | None = None
        try:
            end = await self._recognize()
        finally:
            self._messages.put_nowait(end)

    async def _recognize(self) -> Message:
        job = self._job
        tell = (lambda text: self._messages.put_nowait(Delta(text=text))) if job.wants_deltas else None
        try:
            transcript = await self._intake.recognizer.recognize(job.segment, job.options, tell)
            self._judge(transcript)
            return Done(transcript=transcript)
        except HarkenError as error:
            return _failed(error)
        except Exception:  # noqa: BLE001 - the edge of an exchange: the gateway must get an end
            traced = log_fields_of(job.segment.requester.trace)
            _log.exception("segment.defect", request_id=job.segment.request_id, index=job.segment.index, **traced)
            return _failed(InternalError())

    async def _pass_on(self, send: Send) -> None:
        while True:
            message = await self._next()
            if message is None:
                return
            is_last = isinstance(message, Done | Failed)
            if not isinstance(message, Delta):
                message = replace(message, crowd=self._callers.crowd(self._caller, self._intake.in_flight()))
            await _write(send, message, is_last=is_last)
            if is_last:
                return

    async def _next(self) -> Message | None:
        try:
            async with asyncio.timeout(BEAT_S):
                return await self._messages.get()
        except TimeoutError:
            return Beat(progress=self._intake.progress(self._job.segment))


def _caller(scope: Scope) -> str:
    name = next((value for key, value in scope["headers"] if key == _CALLER), b"")
    return str(name, "latin-1")


async def _cancel_when_gone(receive: Receive, work: asyncio.Task[None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    work.cancel()


async def _read_body(receive: Receive, intake: Intake) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > intake.max_bytes:
            raise AudioTooLong(f"A segment may last at most {intake.max_segment_s:g} s here.")
        if not message.get("more_body", False):
            return b"".join(parts)


def _failed(error: HarkenError) -> Failed:
    return Failed(code=error.code, message=error.message, retry_after_s=error.retry_after_s)


async def _start(send: Send, status: int) -> None:
    headers = [(b"content-type", MESSAGES_TYPE.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _write(send: Send, message: Message, *, is_last: bool) -> None:
    await send({"type": "http.response.body", "body": pack_message(message), "more_body": not is_last})
