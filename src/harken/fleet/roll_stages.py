"""The life of a roll as a table: stage × event → reaction.

Pure data; `rollout` says what a reaction comes to, which may depend on whom the news is about. Forwards the stages
follow each other once for each instance; backwards there are only two, in any order: something leaves, or something of
the old model comes up. The invariant: every pair has an answer, so that what comes late (the verdict on an instance
that is leaving already) changes nothing; and from every stage before the end there is a way back.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Stage(StrEnum):
    """Where a roll is."""

    PREPARING = "preparing"
    """Before the first old instance goes, what it says to the sample is noted: afterwards nobody can be asked."""
    STARTING = "starting"
    """A new instance loads, and recognises its canary."""
    SHADOWING = "shadowing"
    """It recognises the shadow sample; nobody gets that text."""
    ADMITTING = "admitting"
    """It is let into service; the dispatcher does not yet count it as ready."""
    WATCHING = "watching"
    """It is in service; failures and speed are compared with the others'."""
    REMOVING = "removing"
    """An old instance finishes what it has, and leaves."""
    CLEARING = "clearing"
    """On the way back: an instance leaves."""
    RESTORING = "restoring"
    """On the way back: one of the old model comes up."""
    ENDED = "ended"


class RollEvent(Enum):
    """What can happen to a roll, or to an instance in it."""

    PREPARED = auto()
    """There is a sample, with the old model's answers."""
    READY = auto()
    """An instance is up: a new one that recognised its canary, or an old one (again)."""
    FAILED = auto()
    """An instance cannot start; its supervisor has given up."""
    CANARY_WRONG = auto()
    """An instance heard something else in its canary than is said there, at its start or later."""
    LOST = auto()
    """An instance that was ready died, fell silent or was set aside for what it does."""
    SHADOW_GOOD = auto()
    SHADOW_BAD = auto()
    ADMITTED = auto()
    """The dispatcher counts the new instance as ready."""
    TRAFFIC_GOOD = auto()
    TRAFFIC_BAD = auto()
    GONE = auto()
    """What was to leave has left: its process is gone."""
    STOPPED = auto()
    """An operator wants the roll to end."""
    TIMED_OUT = auto()
    """What is waited for did not come in its time."""
    CLOSING = auto()
    """The gateway shuts down."""


class RollReact(Enum):
    """The table's right-hand side."""

    IGNORE = auto()
    MAKE_ROOM = auto()
    """Take the next old instance out of service."""
    NOTE_UP = auto()
    NOTE_STARTED = auto()
    """NOTE_UP; if it is the new instance that everybody waits for, go on with it."""
    WEIGH_LOSS = auto()
    """Roll back if it is a new instance; what becomes of an old one is its supervisor's affair."""
    ADMIT = auto()
    NOTE_ADMITTED = auto()
    GO_ON = auto()
    """This instance is through: the next one."""
    NOTE_GONE = auto()
    ROLL_BACK = auto()
    UNDO_UP = auto()
    UNDO_DOWN = auto()
    UNDO_GONE = auto()
    UNDO_LATE = auto()
    """Wait no longer for what does not come up."""
    ABANDON = auto()


_S, _R = Stage, RollReact
_NO, _UP, _LOSS, _BACK, _END = _R.IGNORE, _R.NOTE_UP, _R.WEIGH_LOSS, _R.ROLL_BACK, _R.ABANDON
_FIRST, _START, _IN, _NEXT, _LEFT = _R.MAKE_ROOM, _R.NOTE_STARTED, _R.NOTE_ADMITTED, _R.GO_ON, _R.NOTE_GONE
_ADMIT, _UUP, _DOWN, _ULEFT, _LATE = _R.ADMIT, _R.UNDO_UP, _R.UNDO_DOWN, _R.UNDO_GONE, _R.UNDO_LATE

# A removal has no time limit here: whoever removes bounds how long an instance may take to leave, and then kills it.
# fmt: off
_ROWS: dict[Stage, tuple[RollReact, ...]] = {
    #              PREP-   READY   FAILED CANARY LOST   SHADOW       ADMIT- TRAFFIC      GONE    STOP-  TIMED  CLOSING
    #              ARED                   _WRONG        _GOOD   _BAD  TED   _GOOD  _BAD          PED    _OUT
    _S.PREPARING: (_FIRST, _UP,    _LOSS, _LOSS, _LOSS, _NO,    _NO,   _NO, _NO,   _NO,   _NO,    _BACK, _BACK, _END),
    _S.STARTING:  (_NO,    _START, _LOSS, _LOSS, _LOSS, _NO,    _NO,   _NO, _NO,   _BACK, _NO,    _BACK, _BACK, _END),
    _S.SHADOWING: (_NO,    _UP,    _LOSS, _LOSS, _LOSS, _ADMIT, _BACK, _NO, _NO,   _BACK, _NO,    _BACK, _BACK, _END),
    _S.ADMITTING: (_NO,    _UP,    _LOSS, _LOSS, _LOSS, _NO,    _NO,   _IN, _NO,   _BACK, _NO,    _BACK, _BACK, _END),
    _S.WATCHING:  (_NO,    _UP,    _LOSS, _LOSS, _LOSS, _NO,    _NO,   _NO, _NEXT, _BACK, _NO,    _BACK, _BACK, _END),
    _S.REMOVING:  (_NO,    _UP,    _LOSS, _LOSS, _LOSS, _NO,    _NO,   _NO, _NO,   _BACK, _LEFT,  _BACK, _NO,   _END),
    _S.CLEARING:  (_NO,    _UUP,   _DOWN, _DOWN, _DOWN, _NO,    _NO,   _NO, _NO,   _NO,   _ULEFT, _NO,   _NO,   _END),
    _S.RESTORING: (_NO,    _UUP,   _DOWN, _DOWN, _DOWN, _NO,    _NO,   _NO, _NO,   _NO,   _ULEFT, _NO,   _LATE, _END),
    _S.ENDED:     (_NO,    _NO,    _NO,   _NO,   _NO,   _NO,    _NO,   _NO, _NO,   _NO,   _NO,    _NO,   _NO,   _NO),
}
# fmt: on

ROLL_TABLE: dict[tuple[Stage, RollEvent], RollReact] = {
    (stage, event): react for stage, row in _ROWS.items() for event, react in zip(RollEvent, row, strict=True)
}
