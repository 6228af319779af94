"""A recording and its segments on their way through Harken's arm.

A segment is two things at once: a guest at the real desk, and a run at a virtual instance; what happens to it as either
is passed on to the gateway. It decides nothing. Invariant: a segment holds a claim exactly while it has a slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from harken.bench.workload import Arrival
from harken.dispatch.desk import Guest
from harken.dispatch.lines.failures import ConnectionLost
from harken.dispatch.recovery.tally import Tally
from harken.dispatch.targets.target import Claim
from harken.errors import HarkenError
from harken.types import Requester


class Hearer(Protocol):
    """Hears of all that happens to segments."""

    def begin(self, piece: Piece, claim: Claim) -> None:
        """It has a slot."""
        ...

    def finish(self, piece: Piece) -> None:
        """It is recognised."""
        ...

    def lose(self, piece: Piece, error: HarkenError) -> None:
        """It has failed with its instance."""
        ...

    def give_up(self, recording: Recording) -> None:
        """It gets no slot any more."""
        ...


@dataclass(kw_only=True, slots=True, eq=False)
class Recording:
    """A recording on its way.

    Attributes:
        arrival: what it is.
        requester: whose it is.
        left_s: seconds of it that are in no segment yet.
        open: its segments that have not ended.
        is_over: it has been counted.
    """

    arrival: Arrival
    requester: Requester
    left_s: float
    open: set[Piece] = field(default_factory=set)
    is_over: bool = False


@dataclass(kw_only=True, slots=True, eq=False)
class Piece(Guest):
    """A segment of a recording; at the desk it is a guest, at an instance it is a run.

    Attributes:
        gateway: hears of all that happens to it.
        recording: whose part it is.
        claim: its slot, while it has one.
        tally: what has gone wrong so far.
    """

    gateway: Hearer
    recording: Recording
    claim: Claim | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def is_waiting(self) -> bool:
        """Until its recording has failed."""
        return not self.recording.is_over

    def hand(self, claim: Claim) -> None:
        """It has a slot."""
        self.claim = claim
        self.gateway.begin(self, claim)

    def refuse(self, error: HarkenError) -> None:
        """It gets none."""
        self.gateway.give_up(self.recording)

    def ended(self) -> None:
        """It is recognised."""
        self.gateway.finish(self)

    def lost(self) -> None:
        """Its instance has died."""
        self.gateway.lose(self, ConnectionLost())
