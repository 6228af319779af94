"""The states of a target, what can happen to it, and the one table of what follows.

Pure. The table has an answer for every state and every event, also for those that seem impossible: news about a target
may come late, after its owner has drained it or taken it away. A drained or removed target never comes back by itself;
its owner adds a new one.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class State(StrEnum):
    """Where a target stands; only a ready one is chosen."""

    STARTING = "starting"
    """It has not said yet that it is ready."""
    READY = "ready"
    FULL = "full"
    """It turned a segment away though we counted a free slot; others may use it too."""
    SUSPECT = "suspect"
    """A look or a connection failed; the next answered look decides."""
    RESTING = "resting"
    """Its segments failed again and again; it is set aside for a while."""
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
_SILENT, _LEAVING, _DRAINING, _GONE = State.UNRESPONSIVE, State.LEAVING, State.DRAINING, State.GONE

# While a target starts, silence is normal: loading a model keeps a process busy, and its owner bounds the start.
# fmt: off
_ROWS: dict[State, tuple[State, ...]] = {
    #            SAID_READY, _STARTING,  _DRAINING, _FULL,      MISSED,     LOST,       FAILING,    DRAIN,     REMOVE
    _STARTING: (_READY,     _STARTING,  _LEAVING,  _STARTING,  _STARTING,  _STARTING,  _STARTING,  _DRAINING, _GONE),
    _READY:    (_READY,     _STARTING,  _LEAVING,  _FULL,      _SUSPECT,   _SILENT,    _RESTING,   _DRAINING, _GONE),
    _FULL:     (_READY,     _STARTING,  _LEAVING,  _FULL,      _SUSPECT,   _SILENT,    _RESTING,   _DRAINING, _GONE),
    _SUSPECT:  (_READY,     _STARTING,  _LEAVING,  _SUSPECT,   _SUSPECT,   _SILENT,    _RESTING,   _DRAINING, _GONE),
    _RESTING:  (_READY,     _STARTING,  _LEAVING,  _RESTING,   _RESTING,   _SILENT,    _RESTING,   _DRAINING, _GONE),
    _SILENT:   (_READY,     _STARTING,  _LEAVING,  _SILENT,    _SILENT,    _SILENT,    _SILENT,    _DRAINING, _GONE),
    _LEAVING:  (_READY,     _STARTING,  _LEAVING,  _LEAVING,   _LEAVING,   _SILENT,    _LEAVING,   _DRAINING, _GONE),
    _DRAINING: (_DRAINING,  _DRAINING,  _DRAINING, _DRAINING,  _DRAINING,  _DRAINING,  _DRAINING,  _DRAINING, _GONE),
    _GONE:     (_GONE,      _GONE,      _GONE,     _GONE,      _GONE,      _GONE,      _GONE,      _GONE,     _GONE),
}
# fmt: on

TRANSITIONS: dict[State, dict[Event, State]] = {
    state: dict(zip(Event, row, strict=True)) for state, row in _ROWS.items()
}
"""State → event → the state that follows."""
