"""Which target gets the next segment.

Pure: what the candidates show in, one of them out. Whoever calls it claims the chosen one at once, with no await
between the two (`pool`). A further policy is a further function with the signature of `choose`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """What a choice may look at."""

    @property
    def free_slots(self) -> int:
        """Segments that it would take now; 0 unless it is ready."""
        ...

    @property
    def in_flight(self) -> int:
        """Segments that we gave it and that have not ended."""
        ...

    @property
    def recent(self) -> int:
        """Segments that it got lately; it fades as others are served."""
        ...

    @property
    def turn(self) -> int:
        """When it was last chosen, counted in choices."""
        ...


C = TypeVar("C", bound=Candidate)


def choose(candidates: Iterable[C]) -> C | None:
    """Take the one with the fewest in flight; among those, fewest recently; among those, the longest unchosen.

    Returns:
        None when no candidate has a free slot.
    """
    free = (candidate for candidate in candidates if candidate.free_slots > 0)
    return min(free, key=lambda candidate: (candidate.in_flight, candidate.recent, candidate.turn), default=None)
