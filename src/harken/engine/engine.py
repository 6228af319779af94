"""`Engine`: the asyncio side of continuous batching, and the `Recognizer` of an instance.

It accepts segments within bounds, has their prompts built off the event loop, hands them to the model's thread and
turns its reports into transcripts. It refuses to know slots and steps. The invariant: every accepted segment ends
exactly once, as a transcript, as one `HarkenError`, or by its caller's cancellation; whichever it is, `in_flight` goes
down, and the thread forgets the segment before its next step.
"""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, assert_never

from harken.choice import Manner, manner_of
from harken.clock import Clock, SystemClock
from harken.engine.admission import Admission
from harken.engine.exits import Exits
from harken.engine.loop import ModelLoop
from harken.engine.messages import Broken, Cancel, Ended, Failed, Leave, Opened, Report, Request, Submit, Wrote
from harken.engine.model import Model, Prompt
from harken.engine.scheduler import Demand, Scheduler
from harken.engine.stopping import token_cap
from harken.engine.tickets import Ticket, Tickets
from harken.errors import Draining, EngineFailed, HarkenError, NoWordTimes
from harken.events import Tell
from harken.log import get_log
from harken.prefix import refuse_a_prefix_without_language
from harken.types import Figures, ModelInfo, Options, Segment, Send, Transcript

_PROMPT_THREADS = 2
_JOIN_TIMEOUT_S = 10.0
_LOOK_S = 0.2
_STOPPED = "The server stopped before this segment was done."

_log = get_log("engine")


class Engine:
    """Recognises many segments at the same time with one model. Use it as `async with`, within one event loop.

    Args:
        model: the network; the engine owns it from `__aenter__` on.
        slots: segments that run at the same time.
        waiting: segments that may wait for a slot; the next one is refused with `QueueFull`.
        name: of the instance, for its transcripts.
        drain_timeout_s: how long leaving `async with` waits for what was accepted before it is given up.
        cap: seconds of audio → the most tokens that they may become; it must not shrink with longer audio.
        clock: for the pace that Retry-After is computed from.
        hang_s: a step of the model that takes longer (and two seconds more per second of audio that it takes in) will
            never end: the engine is broken.
        is_strict: raise where slots are accounted for wrongly, instead of mending and reporting it (for tests).
    """

    def __init__(
        self,
        model: Model,
        *,
        slots: int,
        waiting: int,
        name: str = "",
        drain_timeout_s: float = 30.0,
        cap: Callable[[float], int] = token_cap,
        clock: Clock | None = None,
        hang_s: float = 60.0,
        is_strict: bool = False,
    ) -> None:
        self._model = model
        self._name = name
        self._drain_timeout_s = drain_timeout_s
        self._cap = cap
        self._admission = Admission(room=slots + waiting, max_segment_s=model.info.max_segment_s)
        self._inbox: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._scheduler = Scheduler(slots=slots, stop_ids=model.stop_ids, prefill_audio_s=model.prefill_audio_s)
        self._clock = clock or SystemClock()
        self._loop = ModelLoop(
            model=model,
            slots=slots,
            scheduler=self._scheduler,
            max_cap=cap(model.info.max_segment_s),
            inbox=self._inbox,
            post=self._post,
            clock=self._clock,
            hang_s=hang_s,
            is_strict=is_strict,
        )
        self._thread = threading.Thread(target=self._loop.run, name=f"model {name}".strip(), daemon=True)
        self._prompts = ThreadPoolExecutor(max_workers=_PROMPT_THREADS, thread_name_prefix="prompt")
        self._tickets = Tickets(model, name)
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._opened = asyncio.Event()
        self._exits = Exits()
        self._is_closing = False
        self._is_closed = False
        self._failure: HarkenError | None = None
        self._watching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "broken" if self._failure else "draining" if self._is_closing else "open"
        return f"<Engine {self._name or self._model.info.name} {state} in_flight={self.in_flight}>"

    @property
    def in_flight(self) -> int:
        """Segments accepted and not ended, waiting ones included."""
        return self._admission.in_flight

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        return self._admission.in_flight_audio_s

    @property
    def failure(self) -> HarkenError | None:
        """Why the engine is broken for good; None while it is not."""
        return self._failure

    @property
    def failures(self) -> int:
        """Segments that the model failed on so far."""
        return self._tickets.failures

    @property
    def step_s(self) -> float:
        """How long the model's step in progress has taken; a large number means that it hangs."""
        return self._loop.timer.step_s

    @property
    def rtfx(self) -> float | None:
        """Audio-seconds recognised per second inside the model so far; None before the first."""
        return self._admission.rtfx(busy_s=self._loop.timer.busy_s)

    @property
    def figures(self) -> Figures:
        """See `InstanceEngine`."""
        return Figures(
            waiting=self._scheduler.waiting,
            busy_s=self._loop.timer.busy_s,
            audio_s=self._admission.done_audio_s,
            tokens=self._loop.tokens,
            prefills=self._loop.prefills,
            decodes=self._loop.decodes,
        )

    def listen(self, tell: Tell) -> None:
        """See `InstanceEngine`."""
        self._tickets.tell = tell

    def progress(self, segment: Segment) -> int:
        """See `InstanceEngine`."""
        ticket = self._tickets.of(segment)
        return 0 if ticket is None else self._loop.progress(ticket.key)

    async def __aenter__(self) -> Self:
        self._asyncio = asyncio.get_running_loop()
        self._thread.start()
        await self._opened.wait()
        if self._failure is not None:
            await self._close()
            raise self._failure
        self._watching = self._asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.drain(self._drain_timeout_s)
        finally:
            self._is_closing = self._is_closed = True
            self._tickets.fail_all(Draining(_STOPPED))
            await self._close()

    async def model(self) -> ModelInfo:
        """What is served here, with as many slots as there was memory for."""
        return dataclasses.replace(self._model.info, slots=self._scheduler.slots)

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False when that took too long."""
        self._is_closing = True
        is_empty = await self._exits.until_empty(lambda: self.in_flight, timeout_s)
        if not is_empty:
            _log.warning("engine.drain_timed_out", in_flight=self.in_flight, timeout_s=timeout_s)
        return is_empty

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`.

        Raises:
            AudioTooLong: the segment is longer than the model's longest.
            UnsupportedOption: context and prefix are too long, or there is a prefix and no language.
            QueueFull: as many segments wait as may wait.
            NoWordTimes: words are asked for; only `WithWords` has an aligner.
            Draining: the engine is being left.
            EngineFailed: the model raised an error, or is broken.
        """
        self._check_alive()
        if self._is_closing:
            raise Draining
        if options.wants_words:
            raise NoWordTimes
        refuse_a_prefix_without_language(options)
        accepted = self._clock.now()
        try:
            with self._admission.admit(segment, busy_s=self._loop.timer.busy_s) as admitted:
                prompt, manner = await self._build_prompt(segment, options)
                self._check_alive()  # much may have happened while the prompt was being built
                ticket = self._tickets.issue(segment, options, send, accepted, prompt.prefix)
                transcript = await self._run(ticket, prompt, manner)
                admitted.is_done = True
                return transcript
        finally:
            self._exits.note()

    def _check_alive(self) -> None:
        if self._failure is not None:
            raise EngineFailed(self._failure.message)
        if self._is_closed:
            raise Draining(_STOPPED)

    async def _build_prompt(self, segment: Segment, options: Options) -> tuple[Prompt, Manner | None]:
        def build() -> tuple[Prompt, Manner | None]:
            return self._model.prompt(segment.samples, options), manner_of(options, segment.samples)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._prompts, build)
        except HarkenError:
            raise
        except Exception as error:
            _log.error("engine.prompt_failed", segment=segment.id, exc_info=error)
            self._tickets.failures += 1
            raise EngineFailed from error

    async def _run(self, ticket: Ticket, prompt: Prompt, manner: Manner | None) -> Transcript:
        audio_s = ticket.segment.audio_s
        demand = Demand(
            key=ticket.key,
            audio_s=audio_s,
            prompt_tokens=prompt.length,
            cap=self._cap(audio_s),
            prefix=prompt.prefix,
        )
        is_streamed = ticket.writer is not None
        self._inbox.put(
            Submit(demand=demand, prompt=prompt, label=ticket.segment.id, is_streamed=is_streamed, manner=manner)
        )
        try:
            return await ticket.ended
        finally:
            # Still open: the caller left, or took exception to a piece of text.
            if self._tickets.withdraw(ticket):
                self._inbox.put(Cancel(key=ticket.key))

    def _post(self, reports: list[Report]) -> None:
        """Called by the model's thread; wakes the event loop once for the reports of a step."""
        assert self._asyncio is not None, "the thread starts in __aenter__"
        try:
            self._asyncio.call_soon_threadsafe(self._receive, reports)
        except RuntimeError:
            # The event loop was closed without leaving the engine: there is nobody to tell.
            self._inbox.put(Leave())

    def _receive(self, reports: list[Report]) -> None:
        for report in reports:
            match report:
                case Opened():
                    self._opened.set()
                case Broken(error=error):
                    self._break(error)
                    self._opened.set()
                case Wrote() | Ended() | Failed():
                    self._tickets.settle(report)
                case _:
                    assert_never(report)

    def _break(self, error: HarkenError) -> None:
        self._failure = error
        self._tickets.fail_all(error)

    async def _watch(self) -> None:
        """Notice a step that never ends: the thread cannot say so itself, and all else goes on as if it were well."""
        while self._failure is None:
            if self._loop.timer.hangs:
                _log.error("engine.hangs", step_s=round(self.step_s, 1), in_flight=self.in_flight)
                self._break(EngineFailed(f"The engine hangs: a step of the model has taken {self.step_s:.0f} s."))
            await asyncio.sleep(_LOOK_S)

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._inbox.put(Leave())
        # Prompts in the making are let finish: cancelled ones would look to their callers like their own cancellation.
        self._prompts.shutdown(wait=False)
        # Nobody waits for a step that never ends; the thread is a daemon.
        if not self._loop.timer.hangs:
            await asyncio.to_thread(self._thread.join, _JOIN_TIMEOUT_S)
        if self._thread.is_alive():
            _log.error("engine.thread_hangs", step_s=round(self.step_s, 1))
