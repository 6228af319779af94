"""How many segments a target should have at once, found from its completions.

Too few in flight waste a batching engine; too many only make all of them slower, and an engine may even do less than
with fewer (a published run: 64 requests per second with 32 at once, 56 with 64). Where that point lies depends on
model, device and load, so it is measured. First *slow start*, as in TCP (Jacobson, 1988; four to begin with, after RFC
6928): one more per success while the limit binds, so twice as many after each round, until the slots are used or a
doubling wins nothing. Then *hill climbing* (`climb`). A refusal ends slow start as a loss does in TCP: the limit falls
below what was refused, and from there one more per round. Pure: completions in, a limit out. Invariants: the limit is
between 1 and the slots, and it never moves while it does not bind, because then it explains nothing.
"""

from __future__ import annotations

import math

from harken.dispatch.targets.climb import ELASTICITY, Climb, Completion
from harken.dispatch.targets.rate import Rate, log_ratio

START = 4
"""The limit of a target of which nothing is known. It has recognised its canary, so it is not tried with less."""


class Capacity:
    """The limit of one target; a new process gets a new one."""

    def __init__(self) -> None:
        self.limit = START
        self._careful_above = math.inf
        self._part = 0.0
        self._octave_ends = 2 * START
        self._octave, self._before = Rate(), Rate()
        self._climb: Climb | None = None

    @property
    def is_found(self) -> bool:
        """Slow start has ended, so the limit says what the target can do; before, only how far it was tried."""
        return self._climb is not None or self.limit >= self._careful_above

    def completed(self, done: Completion, slots: int) -> None:
        """Let a success count; `slots`: how many it would take at most."""
        slots = max(slots, 1)
        self.limit = min(self.limit, slots)
        if done.in_flight < self.limit or slots == 1:
            return
        if self._climb is not None:
            self._climb.add(done, slots)
            self.limit = self._climb.limit
        else:
            self._rise(done, slots)

    def refused(self, in_flight: int) -> None:
        """It turned a segment away with so many in flight, that one included."""
        self.limit = max(1, min(self.limit, in_flight - 1))
        self._careful_above, self._part = self.limit, 0.0
        self._climb = None
        self._begin_octave()

    def _rise(self, done: Completion, slots: int) -> None:
        if done.took_s > 0:
            self._octave.add(done.throughput, done.took_s)
        self._part += 1.0 if self.limit < self._careful_above else 1.0 / self.limit
        if self._part < 1.0:
            return
        self._part -= 1.0
        self.limit = min(self.limit + 1, slots)
        if self.limit >= min(self._octave_ends, slots):
            self._end_octave(done, slots)

    def _end_octave(self, done: Completion, slots: int) -> None:
        """Twice as many as at its beginning: was that worth it?"""
        has_gained, has_lost = False, False
        if self._octave.mean > 0 and self._before.mean > 0:
            gain, error = log_ratio(self._octave, self._before)
            has_lost = gain + error < ELASTICITY * math.log(2)
            has_gained = gain - error > ELASTICITY * math.log(2)
        if has_lost or self.limit >= slots:
            self.limit = max(1, self.limit // 2) if has_lost else slots
            self._climb = Climb(self.limit, now=done.now, is_proven=has_gained)
        else:
            self._begin_octave()

    def _begin_octave(self) -> None:
        self._octave_ends = 2 * self.limit
        self._before, self._octave = self._octave, Rate()
