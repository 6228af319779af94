"""`StubEngine`: a recognizer of set speed that recognises nothing, for tests and benchmarks of everything around it.

Its text is computed from the samples ("stub 5e1f00d5 1.50s"), so that an answer proves which segment it belongs to; a
temperature does not change it. It keeps the bounds, ends and refusals of a real engine and can be told to misbehave
(`stub_options` says how). It has no thread and no torch.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from harken.clock import Clock, SystemClock
from harken.engine.admission import Admission
from harken.engine.canary import REQUEST_ID
from harken.engine.exits import Exits
from harken.engine.stages import tell_stage
from harken.engine.stub_answer import StubAnswer, stub_answer, stub_text
from harken.engine.stub_options import StubOptions
from harken.engine.stub_work import SharedWork
from harken.errors import Draining, EngineFailed, HarkenError, NoWordTimes
from harken.events import Stage, Tell, nobody
from harken.languages import NAMES
from harken.prefix import refuse_a_prefix_without_language
from harken.types import Figures, ModelInfo, Options, Segment, Send, Transcript

__all__ = ["StubEngine", "stub_text"]

_NOT_COUNTED = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Ticket:
    """An accepted segment, what will be answered, and who waits for it."""

    segment: Segment
    options: Options
    answer: StubAnswer
    key: int
    number: int
    send: Send | None
    accepted: float
    ended: asyncio.Future[Transcript]


class StubEngine:
    """Implements what an instance needs of an engine. Use it as `async with`, within one event loop.

    Args:
        options: speed and misbehaviour.
        slots: segments that run at the same time.
        waiting: segments that may wait for a slot.
        name: of the instance.
        drain_timeout_s: how long leaving `async with` waits for what was accepted.
        clock: seconds; progress is computed from it, the event loop's timers only say when to look.
    """

    failure: HarkenError | None = None
    """A stub is never broken for good."""

    def __init__(
        self,
        options: StubOptions,
        *,
        slots: int,
        waiting: int,
        name: str = "",
        drain_timeout_s: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        self._stub = options
        self._slots = slots
        self._name = name
        self._drain_timeout_s = drain_timeout_s
        self._clock = clock or SystemClock()
        self._admission = Admission(room=slots + waiting, max_segment_s=options.max_segment_s)
        self._work = SharedWork(rtfx=options.rtfx, now=self._clock.now())
        self._keys = itertools.count()
        self._numbers = itertools.count(1)
        self._canaries = self._tokens = 0
        self._tell: Tell = nobody
        self._began: dict[int, float] = {}
        self._waiting: deque[_Ticket] = deque()
        self._running: dict[int, _Ticket] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._exits = Exits()
        self._is_closing = False

    @property
    def in_flight(self) -> int:
        """Segments accepted and not ended, waiting ones included."""
        return self._admission.in_flight

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        return self._admission.in_flight_audio_s

    @property
    def step_s(self) -> float:
        """A stub has no steps: 0.0."""
        return 0.0

    @property
    def figures(self) -> Figures:
        """See `InstanceEngine`; a stub has no steps."""
        return Figures(
            waiting=len(self._waiting),
            busy_s=self._work.busy_s,
            audio_s=self._admission.done_audio_s,
            tokens=self._tokens,
        )

    def listen(self, tell: Tell) -> None:
        """See `InstanceEngine`."""
        self._tell = tell

    def progress(self, segment: Segment) -> int:
        """See `InstanceEngine`; a segment that hangs has begun, and that is all."""
        ticket = next((ticket for ticket in self._running.values() if ticket.segment is segment), None)
        if ticket is None:
            return 0
        done_s = self._work.done_s(ticket.key, now=self._clock.now())
        return 1 if done_s is None else 2 + int(done_s * 1000)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.drain(self._drain_timeout_s)
        self._is_closing = True
        for ticket in (*self._waiting, *self._running.values()):
            if not ticket.ended.done():
                ticket.ended.set_exception(Draining("The server stopped before this segment was done."))
        if self._timer is not None:
            self._timer.cancel()

    async def model(self) -> ModelInfo:
        """A model called stub."""
        return ModelInfo(
            name="stub", revision="stub", max_segment_s=self._stub.max_segment_s, languages=NAMES, slots=self._slots
        )

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False when that took too long."""
        self._is_closing = True
        return await self._exits.until_empty(lambda: self.in_flight, timeout_s)

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`; the refusals are those of `harken.engine.engine.Engine`."""
        if self._is_closing:
            raise Draining
        if options.wants_words:
            raise NoWordTimes
        refuse_a_prefix_without_language(options)
        try:
            with self._admission.admit(segment, busy_s=0.0) as admitted:
                transcript = await self._run(segment, options, send)
                admitted.is_done = True
                return transcript
        finally:
            self._exits.note()

    async def _run(self, segment: Segment, options: Options, send: Send | None) -> Transcript:
        number = self._number(segment)
        if number and number == self._stub.exit_on:
            os._exit(1)  # a crash runs no clean-up either
        ended: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        ticket = _Ticket(
            segment=segment,
            options=options,
            answer=stub_answer(self._stub, segment, options, is_canary=number == _NOT_COUNTED),
            key=next(self._keys),
            number=number,
            send=send,
            accepted=self._clock.now(),
            ended=ended,
        )
        self._waiting.append(ticket)
        self._look()
        try:
            return await ended
        finally:
            self._forget(ticket)

    def _number(self, segment: Segment) -> int:
        if segment.request_id != REQUEST_ID:
            return next(self._numbers)
        self._canaries += 1
        if 0 < self._stub.wrong_after < self._canaries:
            self._stub = replace(self._stub, wrong_canary=1)
        return _NOT_COUNTED

    def _forget(self, ticket: _Ticket) -> None:
        self._began.pop(ticket.key, None)
        if self._running.pop(ticket.key, None) is not None:
            self._work.stop(ticket.key, now=self._clock.now())
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        self._look()

    def _look(self) -> None:
        """End what is done, start what waits, and look again when the next thing will happen."""
        now = self._clock.now()
        for mark in self._work.passed(now=now):
            self._pass(self._running[mark.key], mark.part)
        while self._waiting and len(self._running) < self._slots:
            ticket = self._waiting.popleft()
            self._running[ticket.key] = ticket
            self._began[ticket.key] = now
            if self._stub.hang_on == 0 or ticket.number != self._stub.hang_on:
                parts = len(ticket.answer.deltas) + 1
                self._work.start(ticket.key, ticket.segment.audio_s, parts=parts, now=now)
        if self._timer is not None:
            self._timer.cancel()
        delay = self._work.next_in_s()
        self._timer = None if delay is None else asyncio.get_running_loop().call_later(delay, self._look)

    def _pass(self, ticket: _Ticket, part: int) -> None:
        """One more part of a segment's work is done: its next word, or its end."""
        pieces = ticket.answer.deltas
        if ticket.ended.done():
            return
        if part <= len(pieces):
            self._send(ticket, pieces[part - 1])
        elif self._stub.fail_every and ticket.number and ticket.number % self._stub.fail_every == 0:
            ticket.ended.set_exception(EngineFailed(f"The stub was told to fail on segment {ticket.number}."))
        else:
            ticket.ended.set_result(self._transcript(ticket))
            self._tell_stages(ticket)

    def _send(self, ticket: _Ticket, piece: str) -> None:
        if ticket.send is None:
            return
        try:
            ticket.send(piece)
        except Exception as error:  # noqa: BLE001 - the caller's own function failed: the caller shall hear it
            ticket.ended.set_exception(error)

    def _tell_stages(self, ticket: _Ticket) -> None:
        began, ended, tokens = self._began[ticket.key], self._clock.now(), len(ticket.answer.pieces)
        self._tokens += tokens
        tell_stage(self._tell, ticket.segment, Stage.WAIT, ticket.accepted, began, target=self._name)
        tell_stage(self._tell, ticket.segment, Stage.GENERATE, began, ended, target=self._name, tokens=tokens)

    def _transcript(self, ticket: _Ticket) -> Transcript:
        answer, options = ticket.answer, ticket.options
        wants = options.wants_logprobs
        return Transcript(
            text=answer.text,
            language=options.language or "English",
            audio_s=ticket.segment.audio_s,
            tokens=len(answer.pieces),
            finish=answer.finish,
            instance=self._name,
            logprobs=answer.logprobs() if wants else None,
            avg_logprob=answer.avg_logprob() if wants else None,
            no_speech_prob=answer.no_speech_prob() if wants and options.language is None else None,
        )
