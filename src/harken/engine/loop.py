"""The thread that owns the model: listen, schedule, step, report; again.

Nobody else touches the model's cache. It knows nothing of asyncio: requests come from a queue, reports leave through a
callable. The invariant: each submitted segment is answered by exactly one `Ended` or `Failed` unless it was cancelled,
or by the `Broken` that ends the thread. The thread never ends without a word.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from collections.abc import Sequence as Many
from typing import assert_never

from harken.choice import NO_TOKEN, Chosen, Note
from harken.clock import Clock
from harken.engine.messages import Broken, Cancel, Ended, Failed, Leave, Opened, Report, Request, Submit, Times, Wrote
from harken.engine.model import Model
from harken.engine.scheduler import Decode, Ending, Prefill, Scheduler, Sequence, Step
from harken.engine.stepper import CONTEXT_TOKENS, Running, Stepper
from harken.engine.steps import StepTimer, forget_frames, summary
from harken.errors import EngineFailed, UnsupportedOption
from harken.log import get_log

_log = get_log("engine.loop")


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

    Attributes:
        prefills: steps so far that read segments; this and the other counts may be read from any thread.
        decodes: steps so far that wrote one token for each running segment.
        tokens: that were written so far.
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
        self.prefills = self.decodes = self.tokens = 0
        self._clock = clock
        self._timer = StepTimer(clock, hang_s)
        self._stepper = Stepper(model, slots=slots, max_cap=max_cap, timer=self._timer)
        self._scheduler = scheduler
        self._inbox = inbox
        self._post = post
        self._is_strict = is_strict
        self._running: Running | None = None
        self._submits: dict[int, Submit] = {}
        self._notes: dict[int, list[Note]] = {}
        self._read: dict[int, tuple[float, float]] = {}  # key → when its prefill began and ended

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
            self._scheduler.open(self._stepper.open())
            self._post([Opened()])
            while self._listen():
                self._step()
        except BaseException as error:  # noqa: BLE001 - the thread's outermost edge: the others must hear whatever it was
            _log.error("engine.broken", reason=repr(error), exc_info=error)
            self._post([Broken(error=EngineFailed(f"The engine cannot go on: {summary(error)}"))])

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
                    self._read.pop(key, None)
                case Leave():
                    return False
                case _:
                    assert_never(request)

    def _accept(self, submit: Submit) -> None:
        room = self._stepper.max_tokens - submit.demand.cap
        if submit.demand.prompt_tokens > room:
            over = submit.demand.prompt_tokens - room
            what = "The prefix and the context (prompt) are" if submit.demand.prefix else "The context (prompt) is"
            error = UnsupportedOption(f"{what} too long by {over} tokens; {CONTEXT_TOKENS} fit beside any segment.")
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
        began = self._clock.now()
        try:
            if isinstance(step, Decode) and self._may_look_ahead(step):
                self._running = self._stepper.launch(step, ahead=0)
                return
            submits = [self._submits[sequence.key] for sequence in step.sequences]
            chosen = self._stepper.run(step, submits)
        except Exception as error:  # noqa: BLE001 - a network may raise anything; it costs this batch, not the engine
            if not (isinstance(error, MemoryError) and isinstance(step, Prefill) and self._postpone(step)):
                self._fail(step, error)
            return
        if isinstance(step, Prefill):
            ended = self._clock.now()
            self._read.update((each.key, (began, ended)) for each in step.sequences if each.key in self._submits)
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
                self._running = self._stepper.launch(following, ahead=1)
            chosen = self._stepper.read(running)
        except Exception as error:  # noqa: BLE001 - as in `_step`
            self._running = None
            self._fail(running.step, error)
            return
        self._take(running.step, chosen)

    def _may_look_ahead(self, step: Decode) -> bool:
        """Not where somebody asks for more than the likeliest token: that needs to be known before the next step."""
        return self._stepper.looks_ahead and not any(self._submits[each.key].manner for each in step.sequences)

    def _take(self, step: Step, chosen: Chosen) -> None:
        """Give every sequence of a step what was chosen for it; those that were cancelled meanwhile are gone."""
        self.prefills += isinstance(step, Prefill)
        self.decodes += isinstance(step, Decode)
        self.tokens += len(chosen.tokens)
        for place, note in chosen.notes.items():
            self._notes.setdefault(step.sequences[place].key, []).append(note)
        lost = [seen for seen, token in zip(step.sequences, chosen.tokens, strict=True) if token == NO_TOKEN]
        self._give_up(lost, "The engine failed on this segment: the model's scores are no numbers.")
        self._report(step, self._scheduler.advance(step, chosen.tokens))

    def _postpone(self, step: Prefill) -> bool:
        if not self._scheduler.postpone(step):
            return False
        _log.warning("engine.out_of_memory", segments=len(step.sequences), slots=self._scheduler.slots)
        return True

    def _report(self, step: Step, endings: list[Ending]) -> None:
        ended = {ending.sequence.key for ending in endings}
        reports: list[Report] = [
            Wrote(key=sequence.key, token=sequence.tokens[-1])
            for sequence in step.sequences
            if sequence.key not in ended
            and (submit := self._submits.get(sequence.key)) is not None
            and submit.is_streamed
        ]
        now = self._clock.now() if endings else 0.0
        for ending in endings:
            sequence = ending.sequence
            del self._submits[sequence.key]
            notes = tuple(self._notes.pop(sequence.key, ()))
            began, read = self._read.pop(sequence.key, (now, now))
            reports.append(
                Ended(
                    key=sequence.key,
                    tokens=tuple(sequence.tokens),
                    finish=ending.finish,
                    times=Times(began=began, read=read, ended=now),
                    notes=notes,
                )
            )
        if reports:
            self._post(reports)

    def _fail(self, step: Step, error: Exception) -> None:
        """Give up what was in the batch; the others keep their slots, whose cache the failed step did not own."""
        _log.error("engine.step_failed", step=type(step).__name__.lower(), exc_info=error)
        self._give_up(step.sequences, f"The engine failed on this segment: {summary(error)}")
        if not self._scheduler.running:
            forget_frames(error)
            self._scheduler.open(self._stepper.prove())

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
            self._read.pop(sequence.key, None)
        self._post([Failed(key=sequence.key, error=EngineFailed(told)) for sequence in sequences])

    def _check_slots(self) -> None:
        faults = self._scheduler.faults()
        if not faults:
            return
        if self._is_strict:
            raise AssertionError(f"idle, but {'; '.join(faults)}")
        _log.error("engine.slots_mended", faults=faults)
        self._scheduler.mend()
