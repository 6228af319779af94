"""What to do with one supervised instance: a table of phase × event → phase and reaction.

Pure: it is told what happened and when, and answers with one action; processes and waiting belong to its caller. The
invariants: an instance that never could start is not restarted for ever (`BROKEN`), one that was ready once always is;
that this machine had nothing left for a new process is nobody's failed start; a start is judged by its own time limit,
so a slow load is never taken for a hang; and whatever comes late (the exit of a process already replaced, a complaint
about one already gone) changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from harken.config import FleetConfig
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_WRONG_USAGE

_STABLE_BACKOFFS = 2.0
"""An instance that stayed ready for this many of the longest waits starts again with a clean record."""


class Phase(StrEnum):
    """Where an instance is, as its supervisor sees it."""

    WAITING = "waiting"
    """No process; one is started when the wait is over."""
    STARTING = "starting"
    """The process runs but is not ready yet."""
    READY = "ready"
    KILLING = "killing"
    """It was killed to be replaced; its exit is awaited."""
    STOPPING = "stopping"
    """It was asked to leave for good."""
    STOPPED = "stopped"
    BROKEN = "broken_at_start"
    """It cannot start; only a person can change that."""


class Event(Enum):
    """What can happen to it."""

    DUE = auto()
    """The wait before the next start is over."""
    READY = auto()
    """The process said that it is ready."""
    EXITED = auto()
    """The process is gone, or could not even be created."""
    UNRESPONSIVE = auto()
    """It no longer answers."""
    OVERDUE = auto()
    """It took too long to start, or to stop."""
    STOP = auto()
    """It is no longer wanted."""


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
        reason: for GIVE_UP, and for WAIT after a failed start: one sentence.
    """

    do: Do
    wait_s: float = 0.0
    reason: str = ""


class React(Enum):
    """The table's right-hand side; what it comes to may depend on the record of failures."""

    IGNORE = auto()
    START = auto()
    NOTE_READY = auto()
    COUNT_FAILED_START = auto()
    COUNT_CRASH = auto()
    COUNT_KILL = auto()
    REPLACE = auto()
    LEAVE_AT_ONCE = auto()
    ASK_TO_LEAVE = auto()
    AWAIT_EXIT = auto()
    KILL_STOPPING = auto()
    NOTE_GONE = auto()


def _row(
    phase: Phase, *, due: React, ready: React, exited: React, unresponsive: React, overdue: React, stop: React
) -> dict[tuple[Phase, Event], React]:
    return {
        (phase, Event.DUE): due,
        (phase, Event.READY): ready,
        (phase, Event.EXITED): exited,
        (phase, Event.UNRESPONSIVE): unresponsive,
        (phase, Event.OVERDUE): overdue,
        (phase, Event.STOP): stop,
    }


_P, _R = Phase, React
_NO = React.IGNORE

# fmt: off
TABLE: dict[tuple[Phase, Event], React] = {
    **_row(_P.WAITING, due=_R.START, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_R.LEAVE_AT_ONCE),
    # While it loads it may be slow to answer: only its time limit decides, not a complaint about silence.
    **_row(_P.STARTING, due=_NO, ready=_R.NOTE_READY, exited=_R.COUNT_FAILED_START, unresponsive=_NO,
           overdue=_R.REPLACE, stop=_R.ASK_TO_LEAVE),
    **_row(_P.READY, due=_NO, ready=_NO, exited=_R.COUNT_CRASH, unresponsive=_R.REPLACE, overdue=_NO,
           stop=_R.ASK_TO_LEAVE),
    **_row(_P.KILLING, due=_NO, ready=_NO, exited=_R.COUNT_KILL, unresponsive=_NO, overdue=_NO, stop=_R.AWAIT_EXIT),
    **_row(_P.STOPPING, due=_NO, ready=_NO, exited=_R.NOTE_GONE, unresponsive=_NO, overdue=_R.KILL_STOPPING, stop=_NO),
    **_row(_P.STOPPED, due=_NO, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_NO),
    **_row(_P.BROKEN, due=_NO, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_R.LEAVE_AT_ONCE),
}
# fmt: on


class Supervision:
    """The record of one instance, and what it calls for.

    Args:
        config: retries and waits.

    Attributes:
        phase: where it is now.
        restarts: starts after the first one.
        failures: failed starts and early crashes in a row; they set the next wait.
    """

    def __init__(self, config: FleetConfig) -> None:
        self._config = config
        self.phase = Phase.WAITING
        self.restarts = 0
        self.failures = 0
        self._starts = 0
        self._failed_starts = 0
        self._ready_at: float | None = None
        self._was_ready = False

    def on(
        self, event: Event, now: float, *, exit_code: int | None = None, said: str = "", is_shortage: bool = False
    ) -> Action:
        """Take in an event and return what to do.

        Args:
            event: what happened.
            now: monotonic seconds.
            exit_code: with EXITED: negative for a signal, None when the process could not be created.
            said: with EXITED: its last words, for the verdict's reason.
            is_shortage: with EXITED: it was never created, for want of descriptors, processes or memory.
        """
        react = TABLE[self.phase, event]
        if react in _PLAIN:
            self.phase, do = _PLAIN[react]
            return Action(do=do)
        match react:
            case React.START:
                action = self._start()
            case React.NOTE_READY:
                action = self._note_ready(now)
            case React.COUNT_FAILED_START | React.COUNT_KILL if is_shortage:
                action = self._wait(_reason(exit_code, said))
            case React.COUNT_FAILED_START:
                action = self._failed_start(exit_code, said)
            case React.COUNT_KILL if self._ready_at is None:
                action = self._failed_start(exit_code, "it did not become ready in time.")
            case React.COUNT_CRASH | React.COUNT_KILL:
                action = self._crashed(now)
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
        self._failed_starts = 0
        return Action(do=Do.NOTHING)

    def _failed_start(self, exit_code: int | None, said: str) -> Action:
        self._failed_starts += 1
        reason = _reason(exit_code, said)
        if self._was_ready:
            # It has shown that it can: its port is taken for a moment, a disk is away. A person may be asleep.
            return self._wait(reason)
        if exit_code in (EXIT_WRONG_USAGE, EXIT_BROKEN_AT_START):
            self.phase = Phase.BROKEN
            return Action(do=Do.GIVE_UP, reason=reason)
        if self._failed_starts > self._config.start_retries:
            self.phase = Phase.BROKEN
            tries = f"{self._failed_starts} starts failed in a row. " if self._failed_starts > 1 else ""
            return Action(do=Do.GIVE_UP, reason=tries + reason)
        return self._wait(reason)

    def _crashed(self, now: float) -> Action:
        ready_for_s = now - (self._ready_at if self._ready_at is not None else now)
        if ready_for_s >= _STABLE_BACKOFFS * self._config.backoff_max_s:
            self.failures = 0
        return self._wait()

    def _wait(self, reason: str = "") -> Action:
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
