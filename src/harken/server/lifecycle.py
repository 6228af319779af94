"""The life of an instance as one table: state × event → state.

Pure: no clock, no model, no sockets. The invariant: every pair has an answer, and the two last states are left by no
event, so a late event (a load that ends after SIGTERM, a second SIGTERM) can never bring a leaving instance back.
"Broken at start" is a state of its own because it is told apart from "crashed later" everywhere: by the exit code, by
the supervisor, by the operator.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What an instance is doing; the same words on the wire, in /health and in the log."""

    STARTING = "starting"
    """It listens and answers probes; the model is being loaded."""
    WARMING = "warming"
    """The model is loaded; the canary recording is being checked."""
    READY = "ready"
    """It recognised something right and takes segments."""
    DRAINING = "draining"
    """It takes nothing new and finishes what it holds."""
    STOPPED = "stopped"
    """It holds nothing and is about to exit."""
    BROKEN_AT_START = "broken_at_start"
    """It will never become ready as it was told to start."""


class Event(StrEnum):
    """What can happen to an instance."""

    LOADED = "loaded"
    """The model is in memory."""
    VERIFIED = "verified"
    """The canary recording was recognised right."""
    BROKEN = "broken"
    """Loading failed, or the canary was recognised wrong."""
    STOP = "stop"
    """SIGTERM or Ctrl-C."""
    EMPTY = "empty"
    """Nothing accepted is left, or the time for finishing is over."""
    ENGINE_LOST = "engine_lost"
    """The engine cannot go on; the process must be replaced."""


_S, _E = State, Event

TABLE: dict[tuple[State, Event], State] = {
    (_S.STARTING, _E.LOADED): _S.WARMING,
    (_S.STARTING, _E.VERIFIED): _S.STARTING,
    (_S.STARTING, _E.BROKEN): _S.BROKEN_AT_START,
    # Nothing was accepted yet, so there is nothing to finish.
    (_S.STARTING, _E.STOP): _S.STOPPED,
    (_S.STARTING, _E.EMPTY): _S.STARTING,
    (_S.STARTING, _E.ENGINE_LOST): _S.BROKEN_AT_START,
    (_S.WARMING, _E.LOADED): _S.WARMING,
    (_S.WARMING, _E.VERIFIED): _S.READY,
    (_S.WARMING, _E.BROKEN): _S.BROKEN_AT_START,
    (_S.WARMING, _E.STOP): _S.STOPPED,
    (_S.WARMING, _E.EMPTY): _S.WARMING,
    (_S.WARMING, _E.ENGINE_LOST): _S.BROKEN_AT_START,
    (_S.READY, _E.LOADED): _S.READY,
    (_S.READY, _E.VERIFIED): _S.READY,
    # A start cannot fail any more; a fault from here on is a lost engine.
    (_S.READY, _E.BROKEN): _S.READY,
    (_S.READY, _E.STOP): _S.DRAINING,
    # Holding nothing is the usual state of a ready instance.
    (_S.READY, _E.EMPTY): _S.READY,
    (_S.READY, _E.ENGINE_LOST): _S.STOPPED,
    (_S.DRAINING, _E.LOADED): _S.DRAINING,
    (_S.DRAINING, _E.VERIFIED): _S.DRAINING,
    (_S.DRAINING, _E.BROKEN): _S.DRAINING,
    (_S.DRAINING, _E.STOP): _S.DRAINING,
    (_S.DRAINING, _E.EMPTY): _S.STOPPED,
    (_S.DRAINING, _E.ENGINE_LOST): _S.STOPPED,
    **{(_S.STOPPED, event): _S.STOPPED for event in Event},
    **{(_S.BROKEN_AT_START, event): _S.BROKEN_AT_START for event in Event},
}

EXIT_WRONG_USAGE = 2
"""Exit code of the command line for a wrong flag or configuration: another start would be the same."""

EXIT_BROKEN_AT_START = 3
"""Exit code of a process that can never become ready as it was told to start: trying again will not help."""

EXIT_ENGINE_LOST = 4
"""Exit code of an instance whose engine failed while it served: a fresh process may well work."""

EXIT_DEFECT = 5
"""Exit code of a gateway whose own work ended by a defect: a fresh process may well work."""


def after(state: State, event: Event) -> State:
    """Return the state that `event` leads to; every pair has an answer."""
    return TABLE[state, event]
