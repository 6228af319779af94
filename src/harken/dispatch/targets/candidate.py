"""What a choice may look at: the segment's work on one side, the targets as candidates on the other.

Pure data. A policy sees nothing else of either, so the same policies serve the gateway, the simulator and tests.
Invariant: a candidate with `free_slots` 0 is never chosen, whatever the reason (full, resting, gone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a policy may know of a segment.

    Attributes:
        audio_s: its length in seconds.
        affinity: segments of the same one should meet the same target again: a hash of the content, or a key; "" for
            none. Only `consistent_hash` reads it.
        is_bulk: it is one of many, so it leaves the reserve of slots alone.
        home: name of the target that remembers its session, or what that calls itself; "" for none. It comes before
            every policy, which is not asked then.
    """

    audio_s: float = 0.0
    affinity: str = ""
    is_bulk: bool = False
    home: str = ""


NO_WORK = Work()
"""Where nothing is known of the segment."""


class Candidate(Protocol):
    """What a policy may know of a target. Two are the same only if they are the same object."""

    @property
    def name(self) -> str:
        """Its name, unique among the targets of a fleet."""
        ...

    @property
    def free_slots(self) -> int:
        """Segments that it would take now; 0 unless it is ready."""
        ...

    @property
    def load(self) -> int:
        """Segments on it that have not ended, as far as we know: what we gave it, and what others did."""
        ...

    @property
    def audio_left_s(self) -> float:
        """Seconds of audio in those."""
        ...

    @property
    def slowness(self) -> float:
        """How many times slower than the others it was lately; 1 where that is little, or unknown."""
        ...

    @property
    def weight(self) -> float:
        """Its share relative to the others', above 0; only the weighted policies read it."""
        ...

    @property
    def turn(self) -> int:
        """When it was last chosen, counted in choices; 0 for never."""
        ...

    @property
    def batches(self) -> bool:
        """Several segments at once are done sooner than one after another."""
        ...


C = TypeVar("C", bound=Candidate)
