"""`Aligning`: the asyncio side of a forced aligner.

It hands recognised segments to the aligner's thread and its answers to those who wait. The invariant: whoever waits
gets words, or one `HarkenError`, or is cancelled; whichever it is, `in_flight` goes down, and a segment whose caller
left before its batch began is not aligned. How many may wait is bounded by whoever lets segments in (`WithWords`).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from types import TracebackType
from typing import Self

from harken.clock import Clock, SystemClock
from harken.engine.align_loop import AlignLoop, Ask, Words
from harken.engine.aligner import Aligner
from harken.engine.exits import Exits
from harken.errors import Draining, EngineFailed, HarkenError
from harken.log import get_log
from harken.types import AlignerInfo, Segment

_JOIN_TIMEOUT_S = 10.0
_LOOK_S = 0.2

_log = get_log("engine.align")


class Aligning:
    """Times the words of many segments with one aligner. Use it as `async with`, within one event loop.

    Args:
        aligner: the network; its thread owns it from `__aenter__` on.
        name: of the instance.
        drain_timeout_s: how long leaving `async with` waits for what is being aligned.
        clock: for `step_s`.
        hang_s: a pass that takes longer (and two seconds more per second of its audio) will never end.
    """

    def __init__(
        self,
        aligner: Aligner,
        *,
        name: str = "",
        drain_timeout_s: float = 30.0,
        clock: Clock | None = None,
        hang_s: float = 60.0,
    ) -> None:
        self._aligner = aligner
        self._drain_timeout_s = drain_timeout_s
        self._inbox: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._loop = AlignLoop(aligner, self._inbox, self._post, clock or SystemClock(), hang_s)
        self._thread = threading.Thread(target=self._loop.run, name=f"aligner {name}".strip(), daemon=True)
        self._asyncio: asyncio.AbstractEventLoop | None = None
        self._open: dict[Ask, asyncio.Future[Words]] = {}
        self._exits = Exits()
        self._failure: HarkenError | None = None
        self._is_closed = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def info(self) -> AlignerInfo:
        """What a server may say about the aligner."""
        return self._aligner.info

    @property
    def in_flight(self) -> int:
        """Segments whose words are not timed yet."""
        return len(self._open)

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        return sum((ask.segment.audio_s for ask in self._open), 0.0)

    @property
    def step_s(self) -> float:
        """How long the pass in progress has taken, in seconds."""
        return self._loop.timer.step_s

    def progress(self, segment: Segment) -> int:
        """How far the aligner is, as long as it has this segment; any pass that ends brings everybody nearer."""
        is_here = any(ask.segment is segment for ask in self._open)
        return 1 + self._loop.timer.steps + self._loop.timer.usual_s if is_here else 0

    @property
    def failure(self) -> HarkenError | None:
        """Why it is broken for good; None while it is not."""
        return self._failure

    async def __aenter__(self) -> Self:
        self._asyncio = asyncio.get_running_loop()
        self._thread.start()
        self._watching = self._asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.drain(self._drain_timeout_s)
        finally:
            self._is_closed = True
            self._fail_all(Draining("The server stopped before this segment was done."))
            await self._close()

    async def drain(self, timeout_s: float) -> bool:
        """Wait until everything has ended; False when that took too long."""
        return await self._exits.until_empty(lambda: len(self._open), timeout_s)

    async def words(self, segment: Segment, text: str, language: str) -> Words:
        """Time the words of a recognised segment.

        Args:
            segment: its samples.
            text: what was recognised in it; () without a word in it.
            language: a name of `harken.languages`; "" for unknown or several.

        Raises:
            EngineFailed: the aligner raised an error, or is broken.
            Draining: it is being left.
        """
        if self._failure is not None:
            raise EngineFailed(self._failure.message)
        if self._is_closed:
            raise Draining
        ask = Ask(segment=segment, text=text, language=language)
        ended: asyncio.Future[Words] = asyncio.get_running_loop().create_future()
        self._open[ask] = ended
        self._inbox.put(ask)
        try:
            return await ended
        finally:
            ask.is_left = True
            del self._open[ask]
            self._exits.note()

    def _post(self, ask: Ask | None, answer: Words | HarkenError) -> None:
        """Called by the aligner's thread."""
        assert self._asyncio is not None, "the thread starts in __aenter__"
        try:
            self._asyncio.call_soon_threadsafe(self._receive, ask, answer)
        except RuntimeError:
            # The event loop was closed without leaving: there is nobody to tell.
            self._inbox.put(None)

    def _receive(self, ask: Ask | None, answer: Words | HarkenError) -> None:
        if ask is None:
            assert isinstance(answer, HarkenError), "the thread ends with an error only"
            self._break(answer)
            return
        ended = self._open.get(ask)
        if ended is None or ended.done():
            return
        if isinstance(answer, HarkenError):
            ended.set_exception(answer)
        else:
            ended.set_result(answer)

    def _break(self, error: HarkenError) -> None:
        self._failure = error
        self._fail_all(error)

    def _fail_all(self, error: HarkenError) -> None:
        """Everybody who waits gets an error of this kind (each his own: tracebacks are written into it)."""
        for ended in self._open.values():
            if not ended.done():
                ended.set_exception(type(error)(error.message))

    async def _watch(self) -> None:
        """Notice a pass that never ends: the thread cannot say so itself."""
        while self._failure is None:
            if self._loop.timer.hangs:
                _log.error("aligner.hangs", step_s=round(self.step_s, 1), in_flight=self.in_flight)
                self._break(EngineFailed(f"The aligner hangs: a pass has taken {self.step_s:.0f} s."))
            await asyncio.sleep(_LOOK_S)

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._inbox.put(None)
        # Nobody waits for a pass that never ends; the thread is a daemon.
        if not self._loop.timer.hangs:
            await asyncio.to_thread(self._thread.join, _JOIN_TIMEOUT_S)
        if self._thread.is_alive():
            _log.error("aligner.thread_hangs", step_s=round(self.step_s, 1))
