"""`PluginEngine`: a blocking recogniser of another package as what an instance needs of an engine.

The asyncio side: what the other package need not know of bounds, queue, cancelling, streaming, stages, and a call that
hangs. It refuses to know how the engine is called. The invariant: every accepted segment ends exactly once, as a
transcript, as one `HarkenError`, or by its caller's cancellation; whichever it is, `in_flight` goes down.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

from harken.clock import Clock, SystemClock
from harken.engine.admission import Admission
from harken.engine.exits import Exits
from harken.engine.plugin_call import Call
from harken.engine.plugin_model import model_of, refuse_what_it_lacks
from harken.engine.plugin_threads import PluginThreads
from harken.engine.stages import tell_stage
from harken.errors import Draining, EngineFailed, HarkenError
from harken.events import Stage, Tell, nobody
from harken.log import get_log
from harken.plugin import EngineInfo, SpeechEngine
from harken.types import Figures, ModelInfo, Options, Segment, Send, Transcript

HANG_S = 60.0
"""An engine that says nothing for longer (and two seconds more per second of audio) will never come back."""

_LOOK_S = 0.2
_JOIN_TIMEOUT_S = 10.0

_log = get_log("engine.plugin")


class PluginEngine:
    """Implements what an instance needs of an engine. Use it as `async with`, within one event loop.

    Args:
        engine: loaded; called in threads.
        info: what it says of itself, checked.
        slots: calls at the same time.
        waiting: segments that may wait for one.
        times_words: words may be asked for.
        name: of the instance.
        drain_timeout_s: how long leaving `async with` waits for what was accepted.
        clock: for stages, and for how long a call has said nothing.
        hang_s: see `HANG_S`.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        info: EngineInfo,
        *,
        slots: int,
        waiting: int,
        times_words: bool,
        name: str = "",
        drain_timeout_s: float = 30.0,
        clock: Clock | None = None,
        hang_s: float = HANG_S,
    ) -> None:
        self._info = info
        self._name = name
        self._drain_timeout_s = drain_timeout_s
        self._clock = clock or SystemClock()
        self._hang_s = hang_s
        self._admission = Admission(room=slots + waiting, max_segment_s=info.max_segment_s)
        self._model = model_of(info, slots=slots, times_words=times_words)
        self._tell: Tell = nobody
        self._threads = PluginThreads(
            engine, info, slots=slots, name=name, clock=self._clock, settle=self._settle, post=self._post
        )
        self._calls: set[Call] = set()
        self._busy_s = 0.0
        self._tokens = 0
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._exits = Exits()
        self._is_closing = False
        self._failure: HarkenError | None = None

    def __repr__(self) -> str:
        return f"<PluginEngine {self._name or self._info.name} in_flight={self.in_flight}>"

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
        """Why it is broken for good; None while it is not."""
        return self._failure

    @property
    def step_s(self) -> float:
        """How long the quietest call has said nothing, in seconds."""
        return self._threads.quiet_s

    @property
    def figures(self) -> Figures:
        """See `InstanceEngine`; an engine of another package has no steps, and its tokens may be words."""
        return Figures(
            waiting=sum(call.began is None for call in self._calls),
            busy_s=self._busy_s,
            audio_s=self._admission.done_audio_s,
            tokens=self._tokens,
        )

    def listen(self, tell: Tell) -> None:
        """See `InstanceEngine`."""
        self._tell = tell

    def progress(self, segment: Segment) -> int:
        """See `InstanceEngine`."""
        return next((call.moved for call in self._calls if call.segment is segment), 0)

    async def __aenter__(self) -> Self:
        self._asyncio = asyncio.get_running_loop()
        self._threads.start()
        self._watching = self._asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.drain(self._drain_timeout_s)
        finally:
            self._is_closing = True
            self._fail_all(Draining("The server stopped before this segment was done."))
            await self._close()

    async def model(self) -> ModelInfo:
        """See `harken.types.Recognizer`."""
        return self._model

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
            AudioTooLong: the segment is longer than the engine's longest.
            UnsupportedOption: a wish that the engine cannot fulfil.
            NoWordTimes: words are asked for, and the engine does not time them.
            QueueFull: as many segments wait as may wait.
            Draining: the engine is being left.
            EngineFailed: the engine raised an error, or is broken.
        """
        if self._failure is not None:
            raise EngineFailed(self._failure.message)
        if self._is_closing:
            raise Draining
        refuse_what_it_lacks(options, self._model)
        try:
            with self._admission.admit(segment, busy_s=self._busy_s) as admitted:
                transcript = await self._run(segment, options, send)
                admitted.is_done = True
                return transcript
        finally:
            self._exits.note()

    async def _run(self, segment: Segment, options: Options, send: Send | None) -> Transcript:
        accepted = self._clock.now()
        call = Call(segment, options, send, accepted=accepted, clock=self._clock, post=self._post)
        self._calls.add(call)
        self._threads.put(call)
        try:
            return await call.ended
        finally:
            call.is_unwanted = True
            self._calls.discard(call)

    def _settle(self, call: Call, found: Transcript | None, error: HarkenError | None, ended: float) -> None:
        began = ended if call.began is None else call.began
        self._busy_s += ended - began
        if found is not None:
            self._tokens += found.tokens
            if not call.close(found.text):
                _log.error("engine.deltas_differ", segment=call.segment.id)
        if call.ended.done():
            return
        if found is None:
            call.ended.set_exception(error or EngineFailed())
            return
        call.ended.set_result(found)
        tell_stage(self._tell, call.segment, Stage.WAIT, call.accepted, began, target=self._name)
        tell_stage(self._tell, call.segment, Stage.GENERATE, began, ended, target=self._name, tokens=found.tokens)

    def _fail_all(self, error: HarkenError) -> None:
        for call in self._calls:
            if not call.ended.done():
                call.ended.set_exception(type(error)(error.message))

    async def _watch(self) -> None:
        """Notice a call that never ends, also one that nobody waits for: it keeps a thread."""
        while self._failure is None:
            if self._threads.hang(self._hang_s):
                _log.error("engine.hangs", step_s=round(self.step_s, 1), in_flight=self.in_flight)
                told = f"The engine hangs: it has said nothing of a segment for {self.step_s:.0f} s."
                self._failure = EngineFailed(told)
                self._fail_all(self._failure)
            await asyncio.sleep(_LOOK_S)

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._threads.leave()
        # Nobody waits for a call that never ends; the threads are daemons.
        if not self._threads.hang(self._hang_s):
            await asyncio.to_thread(self._threads.join, _JOIN_TIMEOUT_S)

    def _post(self, work: Callable[[], None]) -> None:
        assert self._asyncio is not None, "the threads start in __aenter__"
        # The event loop may be closed without leaving the engine: then there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            self._asyncio.call_soon_threadsafe(work)
