"""How long a network's step takes, as other threads may see it; and what to call the error that ended one.

The thread that owns a network measures its own steps here; whoever watches that thread asks whether the one in progress
hangs. The invariant: a reader in another thread sees a step whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harken.clock import Clock

_HANG_PER_AUDIO = 2.0
"""A slow machine is not a hung one: even at half of real time a step is only slow."""

_USUAL_S = 5.0
"""Nor is a step stuck that takes so long, and the same two seconds per second of its audio."""


class StepTimer:
    """Measures one step after another.

    Args:
        clock: seconds.
        hang_s: a step that takes longer hangs; it gets two more seconds for each second of audio that it takes in.
    """

    def __init__(self, clock: Clock, hang_s: float) -> None:
        self._clock = clock
        self._hang_s = hang_s
        self._busy_s = 0.0
        self._steps = 0
        # One field, so that another thread never sees half of it: when the step began, and its audio in seconds.
        self._timing: tuple[float, float] | None = None

    @property
    def busy_s(self) -> float:
        """Seconds spent in steps so far; may be read from any thread."""
        return self._busy_s

    @property
    def step_s(self) -> float:
        """How long the step in progress has taken, 0.0 between steps; may be read from any thread."""
        timing = self._timing
        return 0.0 if timing is None else self._clock.now() - timing[0]

    @property
    def hangs(self) -> bool:
        """The step in progress takes longer than any step can; may be read from any thread."""
        timing = self._timing
        return timing is not None and self._clock.now() - timing[0] > self._hang_s + _HANG_PER_AUDIO * timing[1]

    @property
    def steps(self) -> int:
        """Steps that have ended so far; may be read from any thread."""
        return self._steps

    @property
    def usual_s(self) -> int:
        """Whole seconds of the step in progress, counted only as long as it may well be just slow.

        Whoever counts steps as progress adds them, so that a slow machine in a long step is not taken for a stuck one.
        """
        timing = self._timing
        return 0 if timing is None else int(min(self._clock.now() - timing[0], _USUAL_S + _HANG_PER_AUDIO * timing[1]))

    @contextmanager
    def step(self, audio_s: float = 0.0) -> Iterator[None]:
        """Let others see how long this takes; `audio_s` seconds of audio are taken in by it."""
        began = self._clock.now()
        self._timing = (began, audio_s)
        try:
            yield
        finally:
            self._busy_s += self._clock.now() - began
            self._steps += 1
            self._timing = None


def summary(error: BaseException) -> str:
    """One line of an exception: a network's messages can be pages long."""
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__


def forget_frames(error: BaseException) -> None:
    """Let go of all that the calls behind an error still hold: a cache, for which there may be no room twice."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
