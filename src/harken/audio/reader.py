"""Keeps decoding, voice activity and cutting off the event loop.

Owns a few worker threads. Threads and not processes: the heavy parts run in C with Python's lock released, and a
recording need not be copied between processes (docs/decisions, "Decoding in threads"). Each pull of a recording's
pieces is a visit of its own to the threads, in the order of asking, so that a recording of hours, or a slow reader of
one, holds no thread that short ones wait for. The first pull comes with the look at the skeleton: a clip of one piece
is one visit. The invariant: at most `workers` recordings are worked on at a time and
at most `waiting` others are unfinished; a caller who leaves gives everything back, because what runs for it stops at
its next block.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from harken.audio.cutting import CutRule
from harken.audio.pieces import Pulled
from harken.audio.reading import Reading
from harken.audio.recording import DecodeLimits
from harken.audio.spans import SpeechRule
from harken.audio.stopwatch import Stopwatch
from harken.audio.stream import PieceStream
from harken.audio.upload import Upload
from harken.audio.voice_activity import SpeechDetector, load_detector
from harken.clock import Clock, SystemClock
from harken.errors import Draining, QueueFull

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class _Visits:
    """One recording's visits to the threads, one at a time.

    Args:
        submit: has something done in a thread.
        is_closing: whether the reader goes away.
        on_end: called once, when the recording needs no thread any more.
    """

    def __init__(
        self,
        submit: Callable[[Callable[[], Any]], Future[Any]],
        is_closing: Callable[[], bool],
        on_end: Callable[[], None],
    ) -> None:
        self._submit = submit
        self._is_closing = is_closing
        self._on_end: Callable[[], None] | None = on_end
        self._left = threading.Event()
        self._reading: Reading | None = None
        self._latest: Future[Any] | None = None
        self._first: Future[Pulled] | None = None

    def is_abandoned(self) -> bool:
        """Whether what runs in a thread should stop."""
        return self._left.is_set() or self._is_closing()

    def start(self, reading: Reading) -> Future[float | None]:
        """Start the reading, in a thread, and pull its first pieces in the same visit."""
        self._reading = reading
        self._latest = future = self._submit(self._start)
        return future

    def pull(self) -> Future[Pulled]:
        """Pull the next pieces, in a thread; the first ones are there already."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        self._latest = future = self._submit(self._pull)
        return future

    def _start(self) -> float | None:
        assert self._reading is not None, "there is something to start"
        total_s = self._reading.start()
        first = Future[Pulled]()
        # What goes wrong behind the skeleton is the stream's to tell.
        try:
            first.set_result(self._pull())
        except Exception as error:  # noqa: BLE001 - kept for whoever pulls, as an executor does
            first.set_exception(error)
        self._first = first
        return total_s

    def _pull(self) -> Pulled:
        assert self._reading is not None, "it was started"
        pulled = self._reading.pull()
        if pulled.is_over:
            self._close()
        return pulled

    def leave(self) -> None:
        """Nobody waits any more: what has not begun never will, what runs stops, and then everything is given back."""
        self._left.set()
        if self._latest is not None:
            self._latest.cancel()
            self._latest.add_done_callback(lambda _: self._close())

    def _close(self) -> None:
        # Twice at most, never at the same time: in the thread that read the end, and when the caller leaves.
        if self._reading is not None:
            self._reading.close()
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()


class AudioReader:
    """Turns uploads into streams of pieces, in threads of its own.

    Use it as `async with AudioReader() as reader`; the threads live as long as the block.

    Args:
        workers: recordings that are worked on at the same time; 0 for one a core, 2 to 8.
        waiting: recordings beyond them that may be unfinished: waiting for a worker, or for somebody to pull.
        clock: for the time limit of decoding.
    """

    def __init__(self, *, workers: int = 0, waiting: int = 512, clock: Clock | None = None) -> None:
        self._workers = workers or min(8, max(2, os.cpu_count() or 2))
        self._waiting = waiting
        self._clock = clock or SystemClock()
        self._pool: ThreadPoolExecutor | None = None
        self._detector: SpeechDetector | None = None
        self._detector_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._unfinished = 0
        self._closing = threading.Event()

    def __repr__(self) -> str:
        return f"AudioReader(workers={self._workers}, unfinished={self._unfinished})"

    @property
    def unfinished(self) -> int:
        """Recordings that are open and not decoded to their end; 0 when idle."""
        return self._unfinished

    async def __aenter__(self) -> Self:
        """Start the threads; they load the libraries right away, while the server still starts."""
        self._closing.clear()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="audio")
        self._pool.submit(self._warm_up)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs at its next block, and the threads with it."""
        pool, self._pool = self._pool, None
        self._closing.set()
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    @asynccontextmanager
    async def open(
        self,
        upload: Upload,
        limits: DecodeLimits | None = None,
        cut: CutRule | None = None,
        speech: SpeechRule | None = None,
    ) -> AsyncIterator[PieceStream]:
        """Look at a recording's skeleton, and give the recording as a stream of pieces that are decoded on demand.

        Nothing is decoded that nobody pulls, but for what a cut has to see behind it: about half a segment. Leaving
        the block ends what still runs for it, at its next block of audio, and gives everything back.

        Args:
            upload: what to decode; a path or an open file is read as needed, never as a whole.
            limits: the bounds; None means the defaults of `DecodeLimits`. The time is that of working, not of waiting.
            cut: how to cut; None means the defaults. A recording of at most `max_segment_s` is one piece.
            speech: what counts as speech; None means the defaults.

        Raises:
            QueueFull: too many recordings are unfinished already.
            Draining: the reader was closed meanwhile.
            HarkenError: what `harken.audio.decode.decode` raises; late damage comes out of the stream.
        """
        if self._unfinished >= self._workers + self._waiting:
            raise QueueFull("Too many recordings wait to be decoded.", retry_after_s=5)
        limits = limits or DecodeLimits()
        visits = _Visits(self._submit, self._closing.is_set, lambda: self._count(-1))
        watch = Stopwatch(limits.timeout_s, self._clock, visits.is_abandoned)
        reading = Reading(upload, limits, cut or CutRule(), speech or SpeechRule(), watch=watch, detector=self.detector)
        del upload  # what was decoded to its end need not stay while its pieces are recognised
        started = visits.start(reading)
        self._count(1)
        try:
            yield PieceStream(await self._finished(started), visits.pull, Draining)
        finally:
            visits.leave()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        if self._pool is not None:
            return self._pool.submit(work)
        if self._closing.is_set():
            raise Draining
        raise RuntimeError("the reader is used outside of its `async with` block")

    async def _finished(self, future: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closing.is_set() and not (task is not None and task.cancelling()):
                raise Draining from None
            raise

    def _count(self, change: int) -> None:
        with self._count_lock:
            self._unfinished += change

    def detector(self) -> SpeechDetector:
        """Return the voice activity model, which is loaded once; blocks meanwhile."""
        with self._detector_lock:
            if self._detector is None:
                self._detector = load_detector()
            return self._detector

    def _warm_up(self) -> None:
        """Import what the first upload would otherwise wait for."""
        import av  # noqa: F401
        import soundfile  # noqa: F401
        import soxr  # noqa: F401

        self.detector()
