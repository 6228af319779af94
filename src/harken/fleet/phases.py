"""The life of a supervised instance as a table: phase × event → reaction.

Pure data. What a reaction comes to may depend on the record of failures, which `supervisor` keeps. The invariant: every
pair has an answer, so that whatever comes late (the exit of a process already replaced, a complaint about one already
gone) changes nothing.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


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
    """It cannot start; only a person can change that, and have it tried again."""


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
    CONDEMNED = auto()
    """Its device was given up: what runs goes on, but nothing starts."""
    WANTED = auto()
    """An operator wants it to run, whatever was before."""


class React(Enum):
    """The table's right-hand side; what it comes to may depend on the record of failures."""

    IGNORE = auto()
    START = auto()
    START_ANEW = auto()
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
    CONDEMN = auto()
    NOTE_CONDEMNED = auto()


def _row(
    phase: Phase,
    *,
    due: React,
    ready: React,
    exited: React,
    unresponsive: React,
    overdue: React,
    stop: React,
    condemned: React,
    wanted: React = React.IGNORE,
) -> dict[tuple[Phase, Event], React]:
    return {
        (phase, Event.DUE): due,
        (phase, Event.READY): ready,
        (phase, Event.EXITED): exited,
        (phase, Event.UNRESPONSIVE): unresponsive,
        (phase, Event.OVERDUE): overdue,
        (phase, Event.STOP): stop,
        (phase, Event.CONDEMNED): condemned,
        (phase, Event.WANTED): wanted,
    }


_P, _R = Phase, React
_NO = React.IGNORE

# fmt: off
TABLE: dict[tuple[Phase, Event], React] = {
    **_row(_P.WAITING, due=_R.START, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_R.LEAVE_AT_ONCE,
           condemned=_R.CONDEMN, wanted=_R.START_ANEW),
    # While it loads it may be slow to answer: only its time limit decides, not a complaint about silence.
    **_row(_P.STARTING, due=_NO, ready=_R.NOTE_READY, exited=_R.COUNT_FAILED_START, unresponsive=_NO,
           overdue=_R.REPLACE, stop=_R.ASK_TO_LEAVE, condemned=_R.NOTE_CONDEMNED),
    **_row(_P.READY, due=_NO, ready=_NO, exited=_R.COUNT_CRASH, unresponsive=_R.REPLACE, overdue=_NO,
           stop=_R.ASK_TO_LEAVE, condemned=_R.NOTE_CONDEMNED),
    **_row(_P.KILLING, due=_NO, ready=_NO, exited=_R.COUNT_KILL, unresponsive=_NO, overdue=_NO, stop=_R.AWAIT_EXIT,
           condemned=_R.NOTE_CONDEMNED),
    **_row(_P.STOPPING, due=_NO, ready=_NO, exited=_R.NOTE_GONE, unresponsive=_NO, overdue=_R.KILL_STOPPING, stop=_NO,
           condemned=_NO),
    **_row(_P.STOPPED, due=_NO, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_NO, condemned=_NO,
           wanted=_R.START_ANEW),
    **_row(_P.BROKEN, due=_NO, ready=_NO, exited=_NO, unresponsive=_NO, overdue=_NO, stop=_R.LEAVE_AT_ONCE,
           condemned=_NO, wanted=_R.START_ANEW),
}
# fmt: on
