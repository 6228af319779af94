"""The thread that owns the aligner: listen, take a batch, align it, report; again.

It knows nothing of asyncio: asks come from a queue, reports leave through a callable. What fails in a batch is tried
again alone, so that one segment costs no other its words. The invariant: each ask is answered by exactly one report
unless its caller left; the thread never ends without a word.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harken.clock import Clock
from harken.engine.align_batch import batch_size
from harken.engine.aligner import Aligner
from harken.engine.steps import StepTimer, summary
from harken.errors import EngineFailed, HarkenError
from harken.log import get_log
from harken.types import Segment, Word

Words = tuple[Word, ...]

_log = get_log("engine.align")


@dataclass(kw_only=True, slots=True, eq=False)
class Ask:
    """A recognised segment whose words are to be timed.

    Attributes:
        segment: its samples.
        text: what was recognised.
        language: in which language; "" for unknown or several.
        is_left: its caller waits no more; set by him, read by the thread.
    """

    segment: Segment
    text: str
    language: str
    is_left: bool = False


Post = Callable[[Ask | None, Words | HarkenError], None]
"""Takes the answer to an ask; without an ask, why the thread has ended."""


class AlignLoop:
    """Alignment, one batch after another.

    Args:
        aligner: from now on only this thread calls it.
        inbox: where asks come from; None means leave.
        post: takes answers; called in this thread, must not block.
        clock: for `timer`.
        hang_s: see `StepTimer`.
    """

    def __init__(
        self, aligner: Aligner, inbox: queue.SimpleQueue[Ask | None], post: Post, clock: Clock, hang_s: float
    ) -> None:
        self._aligner = aligner
        self._inbox = inbox
        self._post = post
        self._timer = StepTimer(clock, hang_s)
        self._waiting: deque[Ask] = deque()

    @property
    def timer(self) -> StepTimer:
        """How long its passes take; may be read from any thread."""
        return self._timer

    def run(self) -> None:
        """Serve until None comes."""
        try:
            while self._listen():
                self._serve(self._take())
        except BaseException as error:  # noqa: BLE001 - the thread's outermost edge: the others must hear whatever it was
            _log.error("aligner.broken", reason=repr(error), exc_info=error)
            self._post(None, EngineFailed(f"The aligner cannot go on: {summary(error)}"))

    def _listen(self) -> bool:
        """Take all that has come; wait for one when there is nothing else to do. False: leave."""
        while True:
            try:
                ask = self._inbox.get(block=not self._waiting)
            except queue.Empty:
                return True
            if ask is None:
                return False
            self._waiting.append(ask)

    def _take(self) -> list[Ask]:
        self._waiting = deque(ask for ask in self._waiting if not ask.is_left)
        count = batch_size([ask.segment.audio_s for ask in self._waiting]) if self._waiting else 0
        return [self._waiting.popleft() for _ in range(count)]

    def _serve(self, asks: Sequence[Ask]) -> None:
        ready: list[tuple[Ask, Any]] = []
        for ask in asks:
            try:
                prompt = self._aligner.prompt(ask.segment.samples, ask.text, ask.language)
            except Exception as error:  # noqa: BLE001 - a tokenizer or a splitter of words may raise anything
                self._fail(ask, error)
                continue
            if prompt is None:
                self._post(ask, ())
            else:
                ready.append((ask, prompt))
        if ready:
            self._align(ready)

    def _align(self, ready: Sequence[tuple[Ask, Any]]) -> None:
        try:
            with self._timer.step(sum(ask.segment.audio_s for ask, _ in ready)):
                found = [aligned.words for aligned in self._aligner.align([prompt for _, prompt in ready])]
        except Exception as error:  # noqa: BLE001 - a network may raise anything; it costs this segment, not the thread
            if len(ready) > 1:
                for one in ready:
                    self._align([one])
            else:
                self._fail(ready[0][0], error)
            return
        for (ask, _), words in zip(ready, found, strict=True):
            self._post(ask, words)

    def _fail(self, ask: Ask, error: Exception) -> None:
        if isinstance(error, HarkenError):
            self._post(ask, error)
            return
        _log.error("aligner.failed", segment=ask.segment.id, exc_info=error)
        self._post(ask, EngineFailed(f"The aligner failed on this segment: {summary(error)}"))
