"""The states of a target, what can happen to it, and the one table of what follows.

Pure. The table has an answer for every state and every event, also for those that seem impossible: news about a target
may come late, after its owner has drained it or taken it away. A drained or removed target never comes back by itself;
its owner adds a new one.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class State(StrEnum):
    """Where a target stands; only a ready one, or one on trial, is chosen."""

    STARTING = "starting"
    """It has not said yet that it is ready."""
    READY = "ready"
    FULL = "full"
    """It turned a segment away though we counted a free slot; others may use it too."""
    SUSPECT = "suspect"
    """A look or a connection failed; the next answered look decides."""
    RESTING = "resting"
    """Its segments failed again and again; it is set aside for a while."""
    ON_TRIAL = "on_trial"
    """It rested; it gets one segment at a time until one is recognised."""
    UNRESPONSIVE = "unresponsive"
    """It has been silent for too long; its owner was told."""
    LEAVING = "leaving"
    """It says that it shuts down; a new process may come back at its address."""
    DRAINING = "draining"
    """Its owner wants it empty; it gets nothing more."""
    GONE = "gone"
    """Its owner took it away; news about it comes too late."""


class Event(Enum):
    """What can happen to a target."""

    SAID_READY = auto()
    RESTED = auto()
    """It said that it is ready, after a rest, and has recognised nothing since."""
    SAID_STARTING = auto()
    SAID_DRAINING = auto()
    SAID_FULL = auto()
    MISSED = auto()
    """One look or one connection failed."""
    LOST = auto()
    """So many looks in a row failed that nobody should wait for it."""
    FAILING = auto()
    """So many segments in a row failed that it must rest."""
    DRAIN = auto()
    """The owner wants it empty."""
    REMOVE = auto()
    """The owner takes it away."""


_STARTING, _READY, _FULL, _SUSPECT, _RESTING = State.STARTING, State.READY, State.FULL, State.SUSPECT, State.RESTING
_TRIAL = State.ON_TRIAL
_SILENT, _LEFT, _DRAIN, _GONE = State.UNRESPONSIVE, State.LEAVING, State.DRAINING, State.GONE

# While a target starts, silence is normal: loading a model keeps a process busy, and its owner bounds the start.
# fmt: off
_ROWS: dict[State, tuple[State, ...]] = {
    #           SAID_READY, RESTED, _STARTING, _DRAINING, _FULL,     MISSED,    LOST,      FAILING,   DRAIN,  REMOVE
    _STARTING: (_READY,     _TRIAL, _STARTING, _LEFT,     _STARTING, _STARTING, _STARTING, _STARTING, _DRAIN, _GONE),
    _READY:    (_READY,     _TRIAL, _STARTING, _LEFT,     _FULL,     _SUSPECT,  _SILENT,   _RESTING,  _DRAIN, _GONE),
    _FULL:     (_READY,     _TRIAL, _STARTING, _LEFT,     _FULL,     _SUSPECT,  _SILENT,   _RESTING,  _DRAIN, _GONE),
    _TRIAL:    (_READY,     _TRIAL, _STARTING, _LEFT,     _FULL,     _SUSPECT,  _SILENT,   _RESTING,  _DRAIN, _GONE),
    _SUSPECT:  (_READY,     _TRIAL, _STARTING, _LEFT,     _SUSPECT,  _SUSPECT,  _SILENT,   _RESTING,  _DRAIN, _GONE),
    _RESTING:  (_READY,     _TRIAL, _STARTING, _LEFT,     _RESTING,  _RESTING,  _SILENT,   _RESTING,  _DRAIN, _GONE),
    _SILENT:   (_READY,     _TRIAL, _STARTING, _LEFT,     _SILENT,   _SILENT,   _SILENT,   _SILENT,   _DRAIN, _GONE),
    _LEFT:     (_READY,     _TRIAL, _STARTING, _LEFT,     _LEFT,     _LEFT,     _SILENT,   _LEFT,     _DRAIN, _GONE),
    _DRAIN:    (_DRAIN,     _DRAIN, _DRAIN,    _DRAIN,    _DRAIN,    _DRAIN,    _DRAIN,    _DRAIN,    _DRAIN, _GONE),
    _GONE:     (_GONE,      _GONE,  _GONE,     _GONE,     _GONE,     _GONE,     _GONE,     _GONE,     _GONE,  _GONE),
}
# fmt: on

TRANSITIONS: dict[State, dict[Event, State]] = {
    state: dict(zip(Event, row, strict=True)) for state, row in _ROWS.items()
}
"""State → event → the state that follows."""
