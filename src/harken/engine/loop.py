"""The thread that owns the model: listen, schedule, step, report; again.

Nobody else touches the model's cache. It knows nothing of asyncio: requests come from a queue, reports leave through a
callable. The invariant: each submitted segment is answered by exactly one `Ended` or `Failed` unless it was cancelled,
or by the `Broken` that ends the thread. The thread never ends without a word.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from harken.choice import NO_TOKEN, Choice, Chosen, Note
from harken.clock import Clock
from harken.engine.messages import Broken, Cancel, Ended, Failed, Leave, Opened, Report, Request, Submit, Wrote
from harken.engine.model import Model, Pending
from harken.engine.scheduler import Decode, Ending, Prefill, Scheduler, Sequence, Step
from harken.engine.steps import StepTimer, summary
from harken.errors import EngineFailed, UnsupportedOption
from harken.log import get_log
from harken.types import SAMPLE_RATE, Options

CONTEXT_TOKENS = 512
"""Room in each slot for the client's context and a forced language, beside the longest segment; more is refused."""

_log = get_log("engine.loop")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    """A decode step that the device is at work on."""

    step: Decode
    pending: Pending


def slot_tokens(model: Model, max_cap: int) -> int:
    """Tokens of one slot: the longest segment, the longest context, and the longest answer."""
    longest = np.zeros(round(model.info.max_segment_s * SAMPLE_RATE), dtype=np.float32)
    return model.prompt(longest, Options()).length + CONTEXT_TOKENS + max_cap


class ModelLoop:
    """Continuous batching, one step after another.

    Args:
        model: the network; from now on only this thread calls its `prefill` and `decode`.
        scheduler: decides each step.
        max_cap: the most tokens that any segment may write.
        inbox: where requests come from.
        post: takes the reports of one step; called in this thread, must not block.
        clock: for `timer`.
        hang_s: a step that takes longer hangs; a prefill gets two more seconds for each second of its audio.
        is_strict: raise on a slot that is accounted for wrongly, instead of mending it (for tests).
    """

    def __init__(
        self,
        *,
        model: Model,
        slots: int,
        scheduler: Scheduler,
        max_cap: int,
        inbox: queue.SimpleQueue[Request],
        post: Callable[[list[Report]], None],
        clock: Clock,
        hang_s: float,
        is_strict: bool,
    ) -> None:
        self._model = model
        self._slots = slots
        self._scheduler = scheduler
        self._max_cap = max_cap
        self._inbox = inbox
        self._post = post
        self._timer = StepTimer(clock, hang_s)
        self._is_strict = is_strict
        self._cache: Any = None
        self._max_tokens = 0
        self._running: _Running | None = None
        self._submits: dict[int, Submit] = {}
        self._notes: dict[int, list[Note]] = {}

    @property
    def timer(self) -> StepTimer:
        """How long its steps take; may be read from any thread."""
        return self._timer

    def progress(self, key: int) -> int:
        """See `InstanceEngine.progress`; may be read from any thread."""
        written = self._scheduler.written(key)
        return 0 if written is None else 1 + written + self._timer.usual_s

    def run(self) -> None:
        """Serve until `Leave` comes or the model cannot go on."""
        try:
            self._open()
            self._post([Opened()])
            while self._listen():
                self._step()
        except BaseException as error:  # noqa: BLE001 - the thread's outermost edge: the others must hear whatever it was
            _log.error("engine.broken", reason=repr(error), exc_info=error)
            self._post([Broken(error=EngineFailed(f"The engine cannot go on: {summary(error)}"))])

    def _open(self) -> None:
        """Reserve room for the longest of everything in every slot."""
        self._max_tokens = slot_tokens(self._model, self._max_cap)
        self._cache = self._open_cache()
        self._scheduler.open(self._slots)

    def _open_cache(self) -> Any:
        """Reserve it, for fewer slots where there is not the memory; one must fit."""
        while True:
            try:
                return self._model.open_cache(slots=self._slots, max_tokens=self._max_tokens)
            except MemoryError:
                if self._slots == 1:
                    raise
                self._slots = max(1, self._slots * 3 // 4)
                _log.warning("engine.slots_lowered", slots=self._slots, tokens_each=self._max_tokens)

    def _listen(self) -> bool:
        """Take all requests that have come; wait for one when there is nothing else to do. False: leave."""
        if not self._scheduler.has_work:
            self._check_slots()
        while True:
            try:
                request = self._inbox.get(block=not self._scheduler.has_work)
            except queue.Empty:
                return True
            match request:
                case Submit():
                    self._accept(request)
                case Cancel(key=key):
                    self._scheduler.cancel(key)
                    self._submits.pop(key, None)
                    self._notes.pop(key, None)
                case Leave():
                    return False
                case _:
                    assert_never(request)

    def _accept(self, submit: Submit) -> None:
        room = self._max_tokens - submit.demand.cap
        if submit.demand.prompt_tokens > room:
            over = submit.demand.prompt_tokens - room
            error = UnsupportedOption(
                f"The context (prompt) is too long by {over} tokens; {CONTEXT_TOKENS} fit beside any segment."
            )
            self._post([Failed(key=submit.demand.key, error=error)])
            return
        self._submits[submit.demand.key] = submit
        self._scheduler.submit(submit.demand)

    def _step(self) -> None:
        if self._running is not None:
            self._finish_running()
            return
        step = self._scheduler.schedule()
        if step is None:
            return
        try:
            if isinstance(step, Decode) and self._may_look_ahead(step):
                self._running = self._launch(step, ahead=0)
                return
            chosen = self._run_model(step)
        except Exception as error:  # noqa: BLE001 - a network may raise anything; it costs this batch, not the engine
            if not (isinstance(error, MemoryError) and isinstance(step, Prefill) and self._postpone(step)):
                self._fail(step, error)
            return
        self._take(step, chosen)

    def _finish_running(self) -> None:
        """Start the step behind the one that is being computed, then read what that one chose.

        So the device has work while this thread reads, reports and listens. A sequence that has ended meanwhile is
        computed once more for nothing.
        """
        assert self._running is not None
        running, self._running = self._running, None
        try:
            following = self._scheduler.follow()
            if following is not None and self._may_look_ahead(following):
                self._running = self._launch(following, ahead=1)
            with self._timer.step():
                chosen = running.pending.result()
        except Exception as error:  # noqa: BLE001 - as in `_step`
            self._running = None
            self._fail(running.step, error)
            return
        self._take(running.step, chosen)

    def _may_look_ahead(self, step: Decode) -> bool:
        """Not where somebody asks for more than the likeliest token: that needs to be known before the next step."""
        return self._model.looks_ahead and not any(self._submits[each.key].manner for each in step.sequences)

    def _launch(self, step: Decode, *, ahead: int) -> _Running:
        slots = [sequence.slot for sequence in step.sequences]
        lengths = [sequence.cached + ahead for sequence in step.sequences]
        with self._timer.step():
            return _Running(step=step, pending=self._model.launch(self._cache, slots, lengths))

    def _take(self, step: Step, chosen: Chosen) -> None:
        """Give every sequence of a step what was chosen for it; those that were cancelled meanwhile are gone."""
        present = [seen for seen in step.sequences if seen.key in self._submits]
        for place, note in chosen.notes.items():
            self._notes.setdefault(step.sequences[place].key, []).append(note)
        lost = [
            seen
            for seen, token in zip(step.sequences, chosen.tokens, strict=True)
            if token == NO_TOKEN and seen.key in self._submits
        ]
        self._give_up(lost, "The engine failed on this segment: the model's scores are no numbers.")
        self._report(present, self._scheduler.advance(step, chosen.tokens), lost)

    def _postpone(self, step: Prefill) -> bool:
        if not self._scheduler.postpone(step):
            return False
        _log.warning("engine.out_of_memory", segments=len(step.sequences), slots=self._scheduler.slots)
        return True

    def _run_model(self, step: Step) -> Chosen:
        slots = [sequence.slot for sequence in step.sequences]
        choices = self._choices(step.sequences)
        match step:
            case Prefill(sequences=sequences):
                submits = [self._submits[sequence.key] for sequence in sequences]
                with self._timer.step(sum(submit.demand.audio_s for submit in submits)):
                    prompts = [submit.prompt for submit in submits]
                    chosen = self._model.prefill(self._cache, prompts, slots, choices)
            case Decode(sequences=sequences):
                newest = [sequence.tokens[-1] for sequence in sequences]
                lengths = [sequence.cached for sequence in sequences]
                with self._timer.step():
                    chosen = self._model.decode(self._cache, slots, newest, lengths, choices)
            case _:
                assert_never(step)
        if len(chosen.tokens) != len(slots):
            raise RuntimeError(f"the model gave {len(chosen.tokens)} tokens for {len(slots)} sequences")
        return chosen

    def _choices(self, sequences: Many[Sequence]) -> list[Choice | None]:
        """How each token is chosen; empty where nobody in the batch asks for anything but the likeliest."""
        manners = [self._submits[sequence.key].manner for sequence in sequences]
        if not any(manners):
            return []
        return [
            None if manner is None else Choice(manner=manner, written=tuple(sequence.tokens))
            for manner, sequence in zip(manners, sequences, strict=True)
        ]

    def _report(self, present: list[Sequence], endings: list[Ending], lost: list[Sequence]) -> None:
        ended = {sequence.key for sequence in (*lost, *(ending.sequence for ending in endings))}
        reports: list[Report] = [
            Wrote(key=sequence.key, token=sequence.tokens[-1])
            for sequence in present
            if sequence.key not in ended and self._submits[sequence.key].is_streamed
        ]
        for ending in endings:
            sequence = ending.sequence
            del self._submits[sequence.key]
            notes = tuple(self._notes.pop(sequence.key, ()))
            reports.append(Ended(key=sequence.key, tokens=tuple(sequence.tokens), finish=ending.finish, notes=notes))
        if reports:
            self._post(reports)

    def _fail(self, step: Step, error: Exception) -> None:
        """Give up what was in the batch; the others keep their slots, whose cache the failed step did not own."""
        _log.error("engine.step_failed", step=type(step).__name__.lower(), exc_info=error)
        self._give_up(step.sequences, f"The engine failed on this segment: {summary(error)}")
        if not self._scheduler.running:
            self._prove()

    def _give_up(self, sequences: Many[Sequence], told: str) -> None:
        """Fail these by name and free their slots; those that were cancelled or have ended are passed over."""
        sequences = [sequence for sequence in sequences if sequence.key in self._submits]
        if not sequences:
            return
        labels = [self._submits.pop(sequence.key).label for sequence in sequences]
        _log.error("engine.segments_failed", segments=labels, reason=told)
        for sequence in sequences:
            self._scheduler.cancel(sequence.key)
            self._notes.pop(sequence.key, None)
        self._post([Failed(key=sequence.key, error=EngineFailed(told)) for sequence in sequences])

    def _prove(self) -> None:
        """After a failure, with nothing running: a new cache, and half a second of silence must pass through it.

        Some failures last (a device that is gone, a poisoned context). Then this raises, and the thread ends with a
        word, instead of failing one segment after another while it looks alive.
        """
        self._cache = None  # free the old one first: there may be no room for two
        self._cache = self._open_cache()
        self._scheduler.open(self._slots)
        silence = self._model.prompt(np.zeros(SAMPLE_RATE // 2, dtype=np.float32), Options())
        with self._timer.step():
            self._model.prefill(self._cache, [silence], [0])

    def _check_slots(self) -> None:
        faults = self._scheduler.faults()
        if not faults:
            return
        if self._is_strict:
            raise AssertionError(f"idle, but {'; '.join(faults)}")
        _log.error("engine.slots_mended", faults=faults)
        self._scheduler.mend()
