"""Follows the processes of one instance, one after another, and has a crash reported.

Owns what is remembered of the process that runs now until its end is understood: the supervisor knows why, the process
what it said. It decides nothing (`crash` does). The invariant: each process is reported at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harken.clock import Clock
from harken.config import InstanceConfig
from harken.fleet.crash import Crash, Life, crash_of
from harken.fleet.phases import Phase

OnCrash = Callable[[Crash], None]
"""Takes a report; returns at once, never raises."""


class Body(Protocol):
    """What is asked of a process."""

    @property
    def pid(self) -> int | None:
        """Its process number on this machine; None where it runs on another."""
        ...

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its standard error."""
        ...


class Obituary:
    """Remembers one instance's present process.

    Args:
        instance: its configuration.
        clock: measures how long it ran.
        on_crash: takes reports; None where nobody wants them.
    """

    def __init__(self, instance: InstanceConfig, clock: Clock, on_crash: OnCrash | None) -> None:
        self._instance = instance
        self._clock = clock
        self._on_crash = on_crash
        self._is_open = False
        self._body: Body | None = None
        self._began = 0.0
        self._blamed = ""

    def begin(self, body: Body | None) -> None:
        """A process was created, or (None) could not be."""
        self._is_open = True
        self._body = body
        self._began = self._clock.now()
        self._blamed = ""

    def blame(self, why: str) -> None:
        """It is to be killed for what it did: a sentence without its full stop."""
        self._blamed = why

    def end(
        self,
        phase: Phase,
        exit_code: int | None,
        *,
        was_ready: bool,
        reason: str,
        restarts: int,
        is_lost: bool = False,
        is_blameless: bool = False,
    ) -> None:
        """It is gone; where no process had begun, or all went at once, nothing is said. See `crash.crash_of`."""
        if not self._is_open or self._on_crash is None:
            return
        self._is_open = False
        body, self._body = self._body, None
        if is_blameless:
            return
        life = Life(
            instance=self._instance,
            pid=body.pid if body else None,
            uptime_s=self._clock.now() - self._began,
            was_ready=was_ready and body is not None,
            last_lines=body.last_lines if body else (),
            killed_because=self._blamed,
        )
        crash = crash_of(life, phase, exit_code, reason=reason, restarts=restarts, is_lost=is_lost)
        if crash is not None:
            self._on_crash(crash)
