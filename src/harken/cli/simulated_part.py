"""How far a simulation is: a bar where standard error is a terminal, else a line for each arm once it takes long.

It is told what begins and what comes, and knows nothing of what is simulated. The invariant: nothing of it is written
to standard output.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from harken.cli.screen import Screen

_LONG_S = 5.0
_STEPS = 200
"""A bar's steps for each arm."""


class SimulatedPart:
    """The part of a simulation that is done.

    Args:
        arms: how many there are.
        recordings: that come to each.
        long_s: where there is no bar, lines are written from here on.
    """

    def __init__(self, *, arms: int, recordings: int, long_s: float = _LONG_S) -> None:
        self._arms = arms
        self._recordings = recordings
        self._long_s = long_s
        self._begun = 0
        self._came = 0
        self._step = max(1, recordings // _STEPS)
        self._began_at = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Screen(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=arms * recordings)

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take it away."""
        self._bar.stop()

    def begin(self, name: str) -> None:
        """An arm begins."""
        self._begun += 1
        told = f"{name} ({self._begun} of {self._arms})"
        self._came = 0
        self._bar.update(self._task, description=told, completed=(self._begun - 1) * self._recordings)
        if self._bar.disable and time.monotonic() - self._began_at >= self._long_s:
            print(f"Simulating {told}", file=sys.stderr, flush=True)

    def come(self) -> None:
        """A recording has come to the arm that has begun."""
        self._came += 1
        if self._came % self._step == 0:
            self._bar.update(self._task, completed=(self._begun - 1) * self._recordings + self._came)
