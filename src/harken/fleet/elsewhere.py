"""How much room there is where somebody else counts it, as Ray does for its cluster: not known, and not our affair.

Beside it, what whoever asks for room may ask, here and elsewhere. The invariant: nobody is kept from wishing for more;
what has no place yet waits for it, and says so.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from harken.fleet.memory_check import Room


class AnyRooms(Protocol):
    """What is known of room: `rooms.Rooms` of this machine, or `Elsewhere`."""

    async def run(self) -> None:
        """Keep looking, until cancelled."""
        ...

    async def count(self) -> int | None:
        """For how many more instances there is room now; None where nobody knows."""
        ...

    async def for_one(self, model: str, *, may_replace: bool) -> Room:
        """Say whether one of a model fits beside those there are."""
        ...

    @property
    def further(self) -> int | None:
        """For how many more there was room at the last look."""
        ...

    @property
    def gpu_share(self) -> float | None:
        """The busy part of the busiest GPU at the last look, 0 to 1."""
        ...


class Elsewhere:
    """Rooms that others count."""

    further: int | None = None
    gpu_share: float | None = None

    async def run(self) -> None:
        """See `AnyRooms`; there is nothing to look at."""
        await asyncio.Event().wait()

    async def count(self) -> int | None:
        """See `AnyRooms`."""
        return None

    async def for_one(self, model: str, *, may_replace: bool) -> Room:
        """See `AnyRooms`."""
        return Room(fits=True, need_bytes=0, free_bytes=None)
