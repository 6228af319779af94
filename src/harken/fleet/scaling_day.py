"""A day of load under a virtual clock: the real decisions on a fleet that is a model.

Owns the queue, the looks and the score of one day; who decides is an argument. Segments wait in one queue in the order
in which they come, at most so many of one recording at a time; `virtual_fleet` says how they run, and the gateway's own
`Pace` measures how fast. Not simulated: decoding, failures, classes and fairness. Invariant: every recording ends as
exactly one of done, refused (too much waits already) and timed out (it waited longer than is allowed).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival
from harken.config import AutoscaleConfig, LimitsConfig
from harken.dispatch.order.pace import Pace
from harken.fleet.day_score import DayScore, Entry, Row
from harken.fleet.rivals import Decider
from harken.fleet.sample import Sample
from harken.fleet.virtual_fleet import Kind, VirtualFleet, VirtualInstance
from harken.transcribe.spread import pieces_at_once

_SEGMENT_S: Final = 30.0

_FAIR_WARNING_S: Final = 1800.0
"""A day goes on for half an hour after its last recording, so that it shows what becomes of the instances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What all deciders have in common.

    Attributes:
        arrivals: recordings in their order.
        kind: of the instances.
        config: limits and interval of the looks.
        limits: of the queue.
        pace_error: by what the measured pace is multiplied, as if it had been measured wrong.
        first: instances at the beginning; None for as few as allowed.
        shows_cpu: whether the busy part of all instances is shown as if it were the CPU's.
    """

    arrivals: Sequence[Arrival]
    kind: Kind = field(default_factory=Kind)
    config: AutoscaleConfig = field(default_factory=AutoscaleConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    pace_error: float = 1.0
    first: int | None = None
    shows_cpu: bool = False

    @property
    def lasts_s(self) -> float:
        """Until when it is looked at."""
        return (self.arrivals[-1].at_s if self.arrivals else 0.0) + _FAIR_WARNING_S


@dataclass(kw_only=True, slots=True, eq=False)
class _Recording:
    left_s: float
    longest_wait_s: float = 0.0
    open: int = 0
    is_lost: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    since: float
    audio_s: float
    of: _Recording


def run_day(day: Day, name: str, decider: Decider) -> Row:
    """Let one decider have the day."""
    simulated = _Simulated(day, decider)
    simulated.timeline.run()
    return simulated.row(name)


class _Simulated:
    def __init__(self, day: Day, decider: Decider) -> None:
        self.timeline = Timeline()
        self._day = day
        self._decider = decider
        self._fleet = VirtualFleet(day.kind, day.config.min if day.first is None else day.first)
        self._score = DayScore()
        self._queue: deque[_Waiting] = deque()
        self._queued_audio_s = 0.0
        self._spread = pieces_at_once(day.limits.segments_in_flight, day.kind.slots)
        self._arrivals = iter(day.arrivals)
        self._open = 0
        self._last_arrival_at: float | None = None
        self._start_s: float | None = None
        self._pace = Pace()
        self._before = (0.0, 0.0)
        self._plan_arrival()
        self.timeline.at(0.0, self._look)

    def row(self, name: str) -> Row:
        """The score of the day that is over."""
        return self._score.row(name, instance_s=self._fleet.instance_s, most=self._fleet.most, last=self._fleet.wanted)

    # --- recordings -----------------------------------------------------------------------------------------------

    def _plan_arrival(self) -> None:
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self.timeline.at(arrival.at_s, lambda: self._arrive(arrival))

    def _arrive(self, arrival: Arrival) -> None:
        now = self._last_arrival_at = self.timeline.now()
        self._plan_arrival()
        if self._queued_audio_s >= self._day.limits.queue_audio_s:
            self._score.refused += 1
            return
        recording = _Recording(left_s=arrival.audio_s)
        self._open += 1
        while recording.left_s > 0 and recording.open < self._spread:
            self._release(recording)
        self._place()
        if self._queue and self._fleet.wanted == 0:
            self._decide(now)  # held: the gateway wakes the autoscaler

    def _release(self, recording: _Recording) -> None:
        """Let the next segment of a recording wait for a slot."""
        audio_s = min(recording.left_s, _SEGMENT_S)
        recording.left_s -= audio_s
        recording.open += 1
        self._queue.append(_Waiting(since=self.timeline.now(), audio_s=audio_s, of=recording))
        self._queued_audio_s += audio_s

    def _place(self) -> None:
        now = self.timeline.now()
        self._place_all(now)
        self._pace.wait(now, is_full=bool(self._queue) and self._fleet.ready > 0)

    def _place_all(self, now: float) -> None:
        while self._queue:
            waiting = self._queue[0]
            is_late = now - waiting.since > self._day.limits.queue_timeout_s
            instance = None if is_late or waiting.of.is_lost else self._fleet.claim(now)
            if instance is None and not is_late and not waiting.of.is_lost:
                return
            self._queue.popleft()
            self._queued_audio_s = self._queued_audio_s - waiting.audio_s if self._queue else 0.0
            waiting.of.longest_wait_s = max(waiting.of.longest_wait_s, now - waiting.since)
            if instance is None:
                waiting.of.is_lost = True
                self._end_segment(waiting.of)
            else:
                self._pace.start(now)
                self._run(waiting, instance)

    def _run(self, waiting: _Waiting, instance: VirtualInstance) -> None:
        def finish() -> None:
            self._pace.end(self.timeline.now(), waiting.audio_s)
            self._fleet.release(instance, self.timeline.now())
            self._end_segment(waiting.of)
            self._place()

        self.timeline.after(self._day.kind.run_s(waiting.audio_s), finish)

    def _end_segment(self, recording: _Recording) -> None:
        recording.open -= 1
        if recording.left_s > 0 and not recording.is_lost:
            self._release(recording)
        elif not recording.open:
            self._open -= 1
            self._score.end(recording.longest_wait_s, is_lost=recording.is_lost)

    # --- looks ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        now = self.timeline.now()
        self._place()  # what has waited too long goes
        self._decide(now)
        if now < self._day.lasts_s or self._open:
            self.timeline.after(self._day.config.interval_s, self._look)
        else:
            self._fleet.advance(now)

    def _decide(self, now: float) -> None:
        sample = self._sample(now)
        decision = self._decider.decide(sample)
        self._score.note(Entry.of(now, sample, decision))
        if decision.wanted != sample.wanted:
            for instance in self._fleet.scale(decision.wanted, now):
                self._start(instance)

    def _start(self, instance: VirtualInstance) -> None:
        def end() -> None:
            self._start_s = self._day.kind.start_s
            self._fleet.end_start(instance, self.timeline.now())
            self._place()

        self.timeline.after(self._day.kind.start_s, end)

    def _sample(self, now: float) -> Sample:
        fleet, kind = self._fleet, self._day.kind
        rtfx = self._pace.full_rtfx(now) or self._pace.rtfx(now)
        fleet.advance(now)
        busy, slots = fleet.busy_slot_s - self._before[0], fleet.slot_s - self._before[1]
        self._before = (fleet.busy_slot_s, fleet.slot_s)
        return Sample(
            now=now,
            wanted=fleet.wanted,
            ready=fleet.ready,
            starting=fleet.starting,
            slots=fleet.ready * kind.slots,
            in_flight=fleet.in_flight,
            queued_audio_s=self._queued_audio_s,
            oldest_wait_s=now - self._queue[0].since if self._queue else 0.0,
            held=len(self._queue) if fleet.wanted == 0 else 0,
            pace=rtfx / fleet.ready * self._day.pace_error if rtfx and fleet.ready else None,
            start_s=self._start_s,
            cpu_share=busy / slots if self._day.shows_cpu and slots > 0 else None,
            last_request_s=None if self._last_arrival_at is None else now - self._last_arrival_at,
        )
