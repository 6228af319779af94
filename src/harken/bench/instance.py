"""A server that recognises, without recognising: slots that share its speed, a line before them, and ways to fail.

Its speed follows the batching curve of `engine.stub_work`, which the stub engine uses in real time too. It knows
nothing of who sends work and why. Invariant: of each run it accepts, `ended` or `lost` is called exactly once, unless
it was told to forget it, or hangs for ever.
"""

from __future__ import annotations

import itertools
from collections import deque
from enum import StrEnum
from functools import partial
from typing import Protocol

from harken.bench.timeline import Timeline
from harken.engine.stub_work import SharedWork

_SOON_S = 1e-9
"""Where rounding puts the next moment into this one, time must move all the same."""


class Run(Protocol):
    """A piece of work and who waits for it."""

    @property
    def audio_s(self) -> float:
        """How much it is."""
        ...

    def ended(self) -> None:
        """It is done; the slot is free."""
        ...

    def lost(self) -> None:
        """The connection is gone."""
        ...


class Condition(StrEnum):
    """How an instance is."""

    WELL = "well"
    HUNG = "hung"
    """Stopped (SIGSTOP): it accepts connections and says nothing."""
    DEAD = "dead"
    """Killed: it refuses connections."""


class VirtualInstance:
    """One instance.

    Args:
        name: its name.
        slots: runs at the same time; more wait in a line of its own.
        rtfx: audio-seconds per second of one run alone.
        timeline: when things happen.
    """

    def __init__(self, name: str, *, slots: int, rtfx: float, timeline: Timeline) -> None:
        self.name = name
        self.slots = slots
        self.condition = Condition.WELL
        self.waiting_s = 0.0
        self._rtfx = rtfx
        self._part = 1.0
        self._timeline = timeline
        self._work = SharedWork(rtfx=rtfx, now=timeline.now())
        self._numbers = itertools.count()
        self._running: dict[int, Run] = {}
        self._slot_of: dict[Run, int] = {}
        self._waiting: deque[Run] = deque()
        self._plan_number = 0

    def accept(self, run: Run) -> None:
        """Work on it, now or when it comes to the head of the line."""
        assert self.condition is not Condition.DEAD, "nobody listens at a dead instance's address"
        if len(self._running) < self.slots:
            self._start(run)
            self._plan()
        else:
            self._waiting.append(run)
            self.waiting_s += run.audio_s

    def forget(self, run: Run) -> None:
        """Its client has gone: stop working on it."""
        number = self._slot_of.pop(run, None)
        if number is None:
            return
        del self._running[number]
        self._work.stop(number, now=self._timeline.now())
        self._fill()
        self._plan()

    def slow_down(self, part: float) -> None:
        """Work at a part of its speed from now on."""
        self._part = part
        self._set_speed()

    def hang(self) -> None:
        """Say and do nothing any more."""
        if self.condition is Condition.WELL:
            self.condition = Condition.HUNG
            self._set_speed()

    def resume(self) -> None:
        """Go on where it hung; what is dead stays dead."""
        if self.condition is Condition.HUNG:
            self.condition = Condition.WELL
            self._set_speed()

    def kill(self) -> None:
        """Lose everything that it runs and that waits at it."""
        self.condition = Condition.DEAD
        lost = (*self._running.values(), *self._waiting)
        self._work = SharedWork(rtfx=self._rtfx, now=self._timeline.now())
        self._running.clear()
        self._slot_of.clear()
        self._waiting.clear()
        self.waiting_s = 0.0
        self._plan_number += 1
        for run in lost:
            run.lost()

    def restart(self) -> None:
        """Begin anew after its death."""
        self.condition = Condition.WELL
        self._set_speed()

    def _set_speed(self) -> None:
        speed = self._rtfx * self._part if self.condition is Condition.WELL else 0.0
        self._work.set_rtfx(speed, now=self._timeline.now())
        self._plan()

    def _start(self, run: Run) -> None:
        number = next(self._numbers)
        self._running[number] = run
        self._slot_of[run] = number
        self._work.start(number, run.audio_s, parts=1, now=self._timeline.now())

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.slots:
            run = self._waiting.popleft()
            self.waiting_s = self.waiting_s - run.audio_s if self._waiting else 0.0
            self._start(run)

    def _plan(self) -> None:
        """Come back when the next run ends; every change of the work makes earlier plans void."""
        self._plan_number += 1
        delay_s = self._work.next_in_s()
        if delay_s is not None:
            self._timeline.after(max(delay_s, _SOON_S), partial(self._come_back, self._plan_number))

    def _come_back(self, plan_number: int) -> None:
        if plan_number != self._plan_number:
            return
        ended = []
        now = self._timeline.now()
        for mark in self._work.passed(now=now):
            run = self._running.pop(mark.key)
            del self._slot_of[run]
            self._work.stop(mark.key, now=now)
            ended.append(run)
        self._fill()
        self._plan()
        for run in ended:
            run.ended()
