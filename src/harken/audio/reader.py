"""Keeps decoding, voice activity and cutting off the event loop.

Owns a few worker threads and a bounded queue in front of them. Threads and not processes: the heavy parts run in C with
Python's lock released, and a recording need not be copied between processes (docs/decisions, "Decoding in threads").
The invariant: at most `workers` recordings are decoded at a time and at most `waiting` wait; a caller who is cancelled
leaves no work behind, because what runs for it stops at its next block.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from harken.audio.cutting import Cut, CutRule, cut, frame_levels
from harken.audio.decode import decode
from harken.audio.reading import Reading
from harken.audio.recording import Audio, DecodeLimits
from harken.audio.stream import PieceStream
from harken.audio.upload import Upload
from harken.audio.voice_activity import SpeechDetector, SpeechRule, load_detector, speech_spans
from harken.clock import Clock, SystemClock
from harken.errors import Draining, QueueFull

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


def _is_cancelled_by_caller() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class AudioReader:
    """Turns uploads into recordings, and recordings into cuts, in threads of its own.

    Use it as `async with AudioReader() as reader`; the threads live as long as the block.

    Args:
        workers: recordings that are worked on at the same time; 0 for one a core, 2 to 8.
        waiting: recordings that may wait for a worker.
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
        """Calls that run or wait; 0 when idle."""
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

    async def read(self, upload: Upload, limits: DecodeLimits | None = None) -> Audio:
        """Decode a recording; see `harken.audio.decode.decode` for what comes back and what is raised.

        Raises:
            QueueFull: too many recordings wait already.
            Draining: the reader was closed meanwhile.
        """
        return await self._run(lambda gone: decode(upload, limits, clock=self._clock, is_abandoned=gone))

    async def cut(self, audio: Audio, rule: CutRule | None = None, speech: SpeechRule | None = None) -> tuple[Cut, ...]:
        """Find speech and cut the recording into pieces for the model; see `harken.audio.cutting.cut`.

        Raises:
            QueueFull: too many recordings wait already.
        """
        return await self._run(lambda gone: self._find_and_cut(audio, rule, speech, gone))

    @asynccontextmanager
    async def open(
        self,
        upload: Upload,
        limits: DecodeLimits | None = None,
        cut: CutRule | None = None,
        speech: SpeechRule | None = None,
    ) -> AsyncIterator[PieceStream]:
        """Look at a recording's skeleton, and give the recording as a stream of pieces that are decoded on demand.

        Nothing is decoded that nobody pulls, but for what a cut has to see behind it: about one segment. Leaving the
        block ends what still runs for it, at its next block of audio, and gives everything back.

        Args:
            upload: what to decode; a path or an open file is read as needed, never as a whole.
            limits: the bounds; None means the defaults of `DecodeLimits`. The time is that of working, not of waiting.
            cut: how to cut; None means the defaults. A recording of at most `max_segment_s` is one piece.
            speech: what counts as speech; None means the defaults.

        Raises:
            QueueFull: too many recordings are being decoded already.
            Draining: the reader was closed meanwhile.
            HarkenError: what `harken.audio.decode.decode` raises; late damage comes out of the stream.
        """
        left = threading.Event()
        reading = Reading(
            upload,
            limits or DecodeLimits(),
            cut or CutRule(),
            speech or SpeechRule(),
            detector=self._load_detector,
            clock=self._clock,
            is_abandoned=lambda: left.is_set() or self._closing.is_set(),
        )
        running: Future[Any] | None = None

        def submit(work: Callable[[], T]) -> Future[T]:
            nonlocal running
            if self._pool is None:
                raise Draining
            running = future = self._pool.submit(work)
            return future

        total_s = await self._run(lambda _: reading.start())
        try:
            yield PieceStream(total_s, lambda: submit(reading.pull), self._why_cancelled)
        finally:
            left.set()
            if running is None:
                reading.close()
            else:
                running.add_done_callback(lambda _: reading.close())

    @staticmethod
    def _why_cancelled() -> Exception:
        return Draining()

    def _find_and_cut(
        self, audio: Audio, rule: CutRule | None, speech: SpeechRule | None, is_abandoned: Callable[[], bool]
    ) -> tuple[Cut, ...]:
        def check() -> None:
            if is_abandoned():
                raise CancelledError

        probabilities = self._load_detector().probabilities(audio.samples, check)
        spans = speech_spans(probabilities, len(audio.samples), speech)
        return cut(len(audio.samples), spans, rule, frame_levels(audio.samples))

    async def _run(self, work: Callable[[Callable[[], bool]], T]) -> T:
        """Run `work(is_abandoned)` in a thread; the count goes down when the thread is really done with it."""
        if self._pool is None:
            raise RuntimeError("the reader is used outside of its `async with` block")
        if self._unfinished >= self._workers + self._waiting:
            raise QueueFull("Too many recordings wait to be decoded.", retry_after_s=5)
        left = threading.Event()
        future = self._pool.submit(work, lambda: left.is_set() or self._closing.is_set())
        self._count(1)
        future.add_done_callback(lambda _: self._count(-1))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self._closing.is_set() and not _is_cancelled_by_caller():
                raise Draining from None
            raise
        finally:
            left.set()

    def _count(self, change: int) -> None:
        with self._count_lock:
            self._unfinished += change

    def _load_detector(self) -> SpeechDetector:
        with self._detector_lock:
            if self._detector is None:
                self._detector = load_detector()
            return self._detector

    def _warm_up(self) -> None:
        """Import what the first upload would otherwise wait for."""
        import av  # noqa: F401
        import soundfile  # noqa: F401
        import soxr  # noqa: F401

        self._load_detector()
