"""A target under a virtual clock that always has more to do than it may take, and what its limit becomes."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random

from harken.dispatch.targets.capacity import Capacity
from harken.dispatch.targets.climb import Completion

Curve = Callable[[int], float]
"""Segments at a time → audio-seconds per second of all together."""


class Busy:
    """A shared processor before which everybody queues.

    Args:
        curve: how fast it is.
        slots: the most that its limit may be.
        noise: how much a segment's work differs from its length, as the standard deviation of a logarithm.
        seed: of lengths and noise.
    """

    def __init__(self, curve: Curve, *, slots: int, noise: float = 0.0, seed: int = 1) -> None:
        self.curve = curve
        self.slots = slots
        self.capacity = Capacity()
        self.now = 0.0
        self.audio_s = 0.0
        self._random = Random(seed)
        self._noise = noise
        self._work = 0.0  # what each running segment was given since the beginning, in audio-seconds
        self._load_s = 0.0
        self._running: list[tuple[float, int, float, float, float]] = []
        self._numbers = itertools.count()

    def run(self, seconds: float) -> float:
        """Let time pass; the throughput in it, in audio-seconds per second."""
        began, until, done_s = self.now, self.now + seconds, self.audio_s
        while True:
            self._fill()
            ends_in_s = (self._running[0][0] - self._work) / self._speed()
            if self.now + ends_in_s > until:
                self._pass(until - self.now)
                return (self.audio_s - done_s) / (self.now - began)
            self._pass(ends_in_s)
            self._complete()

    def settle(self, seconds: float) -> float:
        """Let it learn for so long; then the throughput over the next third of that."""
        self.run(seconds)
        return self.run(seconds / 3)

    def _speed(self) -> float:
        return self.curve(len(self._running)) / len(self._running)

    def _pass(self, seconds: float) -> None:
        self._work += seconds * self._speed()
        self._load_s += seconds * len(self._running)
        self.now += seconds

    def _fill(self) -> None:
        while len(self._running) < min(self.capacity.limit, self.slots):
            # Most are clips of some seconds, some are full segments of a long recording.
            long = self._random.random() < 0.2
            audio_s = self._random.uniform(15, 30) if long else min(self._random.lognormvariate(1.5, 0.6), 30.0)
            work = audio_s * self._random.lognormvariate(0.0, self._noise)
            heapq.heappush(self._running, (self._work + work, next(self._numbers), audio_s, self.now, self._load_s))

    def _complete(self) -> None:
        in_flight = len(self._running)
        _, _, audio_s, started, load_s = heapq.heappop(self._running)
        self.audio_s += audio_s
        took_s = self.now - started
        done = Completion(
            now=self.now, audio_s=audio_s, took_s=took_s, load=(self._load_s - load_s) / took_s, in_flight=in_flight
        )
        self.capacity.completed(done, self.slots)
