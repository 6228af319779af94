"""What a roll asks of its caller: one action at a time, and how it ended.

Plain data. Whoever carries an action out answers with one of the events that stand beside it (`roll_stages`), about the
instance that the action names. The invariant: a roll ends with exactly one END, and asks for nothing after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class RollDo(Enum):
    """What the caller is to do. A task of an earlier action is over as soon as there is another."""

    PREPARE = auto()
    """Collect the shadow sample while all old instances are there; PREPARED follows."""
    START = auto()
    """Start a new instance; it gets no segment. READY, FAILED or CANARY_WRONG follows."""
    SHADOW = auto()
    """Have it recognise the sample; SHADOW_GOOD or SHADOW_BAD follows."""
    ADMIT = auto()
    """Let it have segments; ADMITTED follows."""
    WATCH = auto()
    """Compare it with the others from now on; TRAFFIC_GOOD or TRAFFIC_BAD follows."""
    REMOVE = auto()
    """Give it nothing more, let it finish, stop it (a new one that serves nobody: at once); GONE follows."""
    ROLL_BACK = auto()
    """Nothing; from now on it goes back, for `Action.reason`."""
    RESTORE = auto()
    """Start an old instance again, whatever is left of it; in service when ready. READY or FAILED follows."""
    END = auto()
    """It is over: `Action.outcome`."""


class Outcome(StrEnum):
    """How a roll ended."""

    NONE = ""
    DONE = "done"
    """Only the new model is in service."""
    ROLLED_BACK = "rolled_back"
    """Only the old model is in service, as before or with fewer instances; the reason says which."""
    FAILED = "failed"
    """No instance of the old model could be brought back; what there is of the new one is in service."""
    ABANDONED = "abandoned"
    """The gateway shuts down; both models may be in service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        do: which.
        name: of the instance it is done to; "" where it is none.
        reason: one sentence, for ROLL_BACK, and for an END that is not DONE.
        outcome: of END.
    """

    do: RollDo
    name: str = ""
    reason: str = ""
    outcome: Outcome = Outcome.NONE
