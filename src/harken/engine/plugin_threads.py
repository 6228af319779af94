"""The threads in which an engine of another package is called, one for each slot.

It knows the engine's one method and nothing of who waits. The invariant: a call that was put in and is still wanted
when its turn comes is settled once. A call that nobody waits for any more keeps its thread until the engine says
something: nothing can end it from outside.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from harken.clock import Clock
from harken.engine.plugin_answer import transcript_of
from harken.engine.plugin_call import Call
from harken.errors import EngineFailed, HarkenError
from harken.log import get_log
from harken.plugin import EngineInfo, SpeechEngine, Unwanted
from harken.types import Transcript

Settle = Callable[[Call, Transcript | None, HarkenError | None, float], None]
"""Takes a call that is over: what was heard or why not (neither where nobody waited), and when it ended."""

_NAME_MAX = 80
"""Characters of an exception's name."""

_log = get_log("engine.plugin")


class PluginThreads:
    """Calls an engine.

    Args:
        engine: loaded.
        info: what it says of itself, checked.
        slots: calls at the same time.
        name: of the instance.
        clock: seconds.
        settle: takes what became of each call; run by `post`.
        post: has a function run on the event loop.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        info: EngineInfo,
        *,
        slots: int,
        name: str,
        clock: Clock,
        settle: Settle,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._engine = engine
        self._info = info
        self._name = name
        self._clock = clock
        self._settle = settle
        self._post = post
        self._inbox: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._working: list[Call | None] = [None] * slots  # also calls that nobody waits for any more
        self._threads = [
            threading.Thread(target=self._run, args=(slot,), name=f"engine {name} {slot}", daemon=True)
            for slot in range(slots)
        ]

    @property
    def quiet_s(self) -> float:
        """Seconds for which the quietest running call has said nothing; 0 where none runs."""
        return max((call.quiet_s for call in self._working if call is not None), default=0.0)

    def hang(self, hang_s: float) -> bool:
        """Whether a call has said nothing for longer than any can take."""
        return any(call.hangs(hang_s) for call in self._working if call is not None)

    def start(self) -> None:
        """Begin to take calls."""
        for thread in self._threads:
            thread.start()

    def put(self, call: Call) -> None:
        """Have a call made when its turn comes."""
        self._inbox.put(call)

    def leave(self) -> None:
        """End each thread behind what was put in so far."""
        for _ in self._threads:
            self._inbox.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for their ends; blocks."""
        deadline = self._clock.now() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - self._clock.now(), 0.0))
        if any(thread.is_alive() for thread in self._threads):
            _log.error("engine.thread_hangs", step_s=round(self.quiet_s, 1))

    def _run(self, slot: int) -> None:
        while (call := self._inbox.get()) is not None:
            if not call.is_unwanted:
                call.begin()
                self._working[slot] = call
                self._recognize(call)
                self._working[slot] = None

    def _recognize(self, call: Call) -> None:
        found: Transcript | None = None
        error: HarkenError | None = None
        samples = call.segment.samples.view()
        samples.flags.writeable = False  # the guard may want them again as they were
        try:
            heard = self._engine.recognize(samples, call.options, call)
        except Unwanted:
            pass
        except BaseException as raised:  # noqa: BLE001 - an engine may raise anything; it costs this segment alone
            _log.error("engine.segment_failed", segment=call.segment.id, exc_info=raised)
            # Its words may hold paths, keys or what somebody said: they are for the log, and this goes to clients.
            error = EngineFailed(f"The engine failed on this segment: {type(raised).__name__[:_NAME_MAX]}.")
        else:
            found, error = self._answer(heard, call)
        if call.refused is not None:
            found, error = None, call.refused
        ended = self._clock.now()
        self._post(lambda: self._settle(call, found, error, ended))

    def _answer(self, heard: object, call: Call) -> tuple[Transcript | None, HarkenError | None]:
        try:
            return transcript_of(heard, call.segment, call.options, self._info, instance=self._name), None
        except HarkenError as wrong:
            _log.error("engine.answer_refused", segment=call.segment.id, reason=wrong.message)
            return None, wrong
        except Exception as raised:  # noqa: BLE001 - values of its own classes may raise when they are looked at
            _log.error("engine.segment_failed", segment=call.segment.id, exc_info=raised)
            return None, EngineFailed(f"What the engine returned cannot be read: {type(raised).__name__[:_NAME_MAX]}.")
