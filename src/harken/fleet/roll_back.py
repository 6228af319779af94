"""The way back: what is done next so that the old model alone is in service again.

Pure: one look at the seats, one step. First goes what serves nobody, and with it its memory; then, one by one, an old
instance comes up and a new one goes, so that no fewer serve than while all was well. A roll that takes one down first
(`cap` leaves no room for one more) does so on the way back, too. The invariant: where there is room for one more, the
last instance that works is not given up for one that may not: if nothing of the old model starts, the new one stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from harken.fleet.roll_seats import Seats


class Undo(Enum):
    """The next step back."""

    WAIT = auto()
    """For what leaves, or for what comes up."""
    REMOVE = auto()
    RESTORE = auto()
    OLD_ALONE = auto()
    """It is done: only the old model is in service."""
    NEW_ALONE = auto()
    """Nothing of the old model works any more; what works of the new one goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoStep:
    """One step back; `name` of the instance to remove or to restore."""

    undo: Undo
    name: str = ""


def step_back(seats: Seats, *, floor: int, cap: int) -> UndoStep:
    """Say what is next.

    Args:
        seats: who is where.
        floor: instances that should always be ready and in service.
        cap: the most processes at a time.
    """
    if seats.leaving:
        return UndoStep(undo=Undo.WAIT)
    if seats.new_idle:
        return UndoStep(undo=Undo.REMOVE, name=seats.new_idle[0])
    if seats.missing and seats.processes < cap:
        return UndoStep(undo=Undo.RESTORE, name=seats.missing[0])
    return _exchange(seats, floor)


def _exchange(seats: Seats, floor: int) -> UndoStep:
    """Nothing can be started now: wait for what comes up, let a new one go, or see that it is over."""
    has_old = bool(seats.old_up or seats.missing)
    if seats.awaited and (not seats.new_serving or not has_old or seats.serving <= floor):
        return UndoStep(undo=Undo.WAIT)
    if not seats.new_serving:
        return UndoStep(undo=Undo.OLD_ALONE)
    if has_old:
        return UndoStep(undo=Undo.REMOVE, name=seats.new_serving[0])
    # What still loads of the old model, though nobody waits for it any more, must not join the new one later.
    dead = [name for name in seats.old if name in seats.alive]
    return UndoStep(undo=Undo.REMOVE, name=dead[0]) if dead else UndoStep(undo=Undo.NEW_ALONE)
