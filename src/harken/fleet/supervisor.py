"""What to do with one supervised instance, by the table in `phases` and the record of its failures.

Pure: it is told what happened and when, and answers with one action; processes and waiting belong to its caller. The
invariants: an instance that never could start is not restarted for ever (`BROKEN`), one that was ready once always is,
unless its device is given up; that this machine had nothing left for a new process, or that all were lost at once, is
nobody's failed start; a start is judged by its own time limit, so a slow load is never taken for a hang; and whatever
comes late changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from harken.config import FleetConfig
from harken.fleet.phases import TABLE, Event, Phase, React
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_WRONG_USAGE

_STABLE_BACKOFFS = 2.0
"""An instance that stayed ready for this many of the longest waits starts again with a clean record."""


class Do(Enum):
    """What the caller is to do."""

    NOTHING = auto()
    START = auto()
    WAIT = auto()
    """Start it again after `Action.wait_s`."""
    TERMINATE = auto()
    KILL = auto()
    GIVE_UP = auto()
    """Tell whoever owns the fleet: `Action.reason`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        do: which.
        wait_s: for WAIT.
        reason: for GIVE_UP and WAIT: one sentence.
    """

    do: Do
    wait_s: float = 0.0
    reason: str = ""


class Supervision:
    """The record of one instance, and what it calls for.

    Args:
        config: retries and waits.

    Attributes:
        phase: where it is now.
        restarts: starts after the first one.
        failures: failed starts and early crashes in a row; they set the next wait.
        failed_starts: in a row, since it was ready or an operator wanted it.
    """

    def __init__(self, config: FleetConfig) -> None:
        self._config = config
        self.phase = Phase.WAITING
        self.restarts = 0
        self.failures = 0
        self._starts = 0
        self.failed_starts = 0
        self._ready_at: float | None = None
        self._was_ready = False
        self._condemned: str | None = None

    def on(
        self,
        event: Event,
        now: float,
        *,
        exit_code: int | None = None,
        said: str = "",
        is_shortage: bool = False,
        is_lost: bool = False,
    ) -> Action:
        """Take in an event and return what to do.

        Args:
            event: what happened.
            now: monotonic seconds.
            exit_code: with EXITED: negative for a signal, None when the process could not be created.
            said: with EXITED: its last words, for the verdict's reason; with CONDEMNED: that reason.
            is_shortage: with EXITED: it was never created, for want of descriptors, processes or memory, or went with
                all others.
            is_lost: with EXITED: it went with what it ran in, as `said` has it.
        """
        react = TABLE[self.phase, event]
        reason = f"It was lost: {said}" if is_lost else _reason(exit_code, said)
        if react in _PLAIN:
            self.phase, do = _PLAIN[react]
            return Action(do=do)
        match react:
            case React.START:
                action = self._start()
            case React.START_ANEW:
                self.failures = self.failed_starts = 0
                self._condemned = None
                action = self._start()
            case React.NOTE_READY:
                action = self._note_ready(now)
            case React.CONDEMN:
                self._condemned = said
                action = self._give_up(said)
            case React.NOTE_CONDEMNED:
                self._condemned = said
                action = Action(do=Do.NOTHING)
            case React.COUNT_FAILED_START | React.COUNT_KILL | React.COUNT_CRASH if self._condemned is not None:
                action = self._give_up(self._condemned)
            case React.COUNT_FAILED_START | React.COUNT_KILL if is_shortage:
                action = self._wait(reason)
            case React.COUNT_FAILED_START:
                action = self._failed_start(exit_code, reason)
            case React.COUNT_KILL if self._ready_at is None:
                action = self._failed_start(exit_code, _reason(exit_code, "it did not become ready in time."))
            case React.COUNT_CRASH | React.COUNT_KILL:
                is_ours = react is React.COUNT_KILL and not is_lost
                action = self._crashed(now, "It no longer answered, and was killed." if is_ours else reason)
            case _:
                action = Action(do=Do.NOTHING)
        return action

    def _start(self) -> Action:
        self.phase = Phase.STARTING
        self._ready_at = None
        self._starts += 1
        self.restarts = self._starts - 1
        return Action(do=Do.START)

    def _note_ready(self, now: float) -> Action:
        self.phase = Phase.READY
        self._ready_at = now
        self._was_ready = True
        self.failed_starts = 0
        return Action(do=Do.NOTHING)

    def _failed_start(self, exit_code: int | None, reason: str) -> Action:
        self.failed_starts += 1
        if self._was_ready:
            # It has shown that it can: its port is taken for a moment, a disk is away. A person may be asleep.
            return self._wait(reason)
        if exit_code in (EXIT_WRONG_USAGE, EXIT_BROKEN_AT_START):
            return self._give_up(reason)
        if self.failed_starts > self._config.start_retries:
            tries = f"{self.failed_starts} starts failed in a row. " if self.failed_starts > 1 else ""
            return self._give_up(tries + reason)
        return self._wait(reason)

    def _give_up(self, reason: str) -> Action:
        self.phase = Phase.BROKEN
        return Action(do=Do.GIVE_UP, reason=reason)

    def _crashed(self, now: float, reason: str) -> Action:
        ready_for_s = now - (self._ready_at if self._ready_at is not None else now)
        if ready_for_s >= _STABLE_BACKOFFS * self._config.backoff_max_s:
            self.failures = 0
        return self._wait(reason)

    def _wait(self, reason: str) -> Action:
        # 2**n is cut off early: after a month of failures n would not fit into a float.
        wait_s = self._config.backoff_s * 2.0 ** min(self.failures, 32)
        self.failures += 1
        self.phase = Phase.WAITING
        return Action(do=Do.WAIT, wait_s=min(wait_s, self._config.backoff_max_s), reason=reason)


_PLAIN: dict[React, tuple[Phase, Do]] = {
    React.REPLACE: (Phase.KILLING, Do.KILL),
    React.LEAVE_AT_ONCE: (Phase.STOPPED, Do.NOTHING),
    React.ASK_TO_LEAVE: (Phase.STOPPING, Do.TERMINATE),
    React.AWAIT_EXIT: (Phase.STOPPING, Do.NOTHING),
    React.KILL_STOPPING: (Phase.STOPPING, Do.KILL),
    React.NOTE_GONE: (Phase.STOPPED, Do.NOTHING),
}


def _reason(exit_code: int | None, said: str) -> str:
    said = said.strip() or "it said nothing."
    if exit_code is None:
        return f"It could not be started: {said}"
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return f"It ended with {how}: {said}"


def is_abnormal(exit_code: int | None) -> bool:
    """Whether such an end may be the fault of what the instance computes on: a signal, a crash.

    Not when it left by itself, was told nonsense, cannot have its port, or was never created.
    """
    return exit_code not in (None, 0, EXIT_WRONG_USAGE, EXIT_BROKEN_AT_START)
