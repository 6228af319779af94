"""What the autoscaler answers: a count, why, and what stood in the way of another one.

Plain data. Invariant: a decision explains itself; whoever reads `reason` needs no other line of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harken.fleet.signals import Signal


class Block(StrEnum):
    """Why the count is not what the signals ask for."""

    NOTHING = ""
    MAX = "max"
    MIN = "min"
    MEMORY = "memory"
    CPU = "cpu"
    """The CPU is the limit: another instance would not help."""
    COOL_DOWN = "cool_down"
    STARTING = "starting"
    HOLDING = "holding"
    """It has not lasted long enough yet."""
    NOT_READY = "not_ready"
    """No instance is ready and none starts: that must be mended first."""


LASTING: Final = frozenset({Block.MAX, Block.MEMORY, Block.CPU, Block.NOT_READY})
"""What a person may want to change; pauses pass by themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How many instances there should be.

    Attributes:
        wanted: how many.
        reason: one sentence for people.
        signals: what was looked at.
        blocked_by: what stood in the way of another count; "" for nothing.
    """

    wanted: int
    reason: str
    signals: tuple[Signal, ...] = ()
    blocked_by: Block = Block.NOTHING
