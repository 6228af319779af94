"""The waiting room: a segment goes in, a claim comes out.

The futures and the ticking around the desk, which makes all decisions. Invariant: a claim that is handed over always
has a holder; one whose caller left in that moment is given back here.
"""

from __future__ import annotations

import asyncio

from harken.clock import Clock
from harken.config import LimitsConfig
from harken.dispatch.attempt import Pending
from harken.dispatch.desk import NOT_READY_RETRY_AFTER_S, Desk
from harken.dispatch.order.pace import Pace
from harken.dispatch.order.room import Room
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Claim
from harken.errors import HarkenError
from harken.types import Requester

__all__ = ["NOT_READY_RETRY_AFTER_S", "WaitingRoom"]

_TICK_S = 0.1


class WaitingRoom:
    """Segments between their acceptance and their slot.

    Args:
        limits: how much may wait, and how long.
        pool: the targets.
        pace: for the Retry-After of refusals.
        clock: seconds, for deadlines.
    """

    def __init__(self, *, limits: LimitsConfig, pool: Pool, pace: Pace, clock: Clock) -> None:
        self._desk: Desk[Pending] = Desk(limits=limits, pool=pool, pace=pace)
        self._clock = clock

    def __len__(self) -> int:
        """Segments that wait."""
        return len(self._desk)

    @property
    def audio_s(self) -> float:
        """Seconds of audio that wait."""
        return self._desk.queued_audio_s

    @property
    def oldest_wait_s(self) -> float:
        """How long the segment has waited that came first."""
        return self._desk.oldest_wait_s(self._clock.now())

    @property
    def room(self) -> Room:
        """Where also those take room who wait for something else than a slot."""
        return self._desk.room

    async def run(self) -> None:
        """Send those away whose time is over, until cancelled."""
        while True:
            self._desk.expire(self._clock.now())
            await asyncio.sleep(_TICK_S)

    @property
    def is_shut(self) -> bool:
        """Every target said that it takes nothing for longer than a new segment may wait."""
        return self._desk.closed(self._clock.now()) is not None

    def close(self) -> None:
        """Send everybody away and let nobody in."""
        self._desk.close(self._clock.now())

    async def claim(self, pending: Pending) -> Claim:
        """Get a slot, at once or after waiting; the caller holds the claim in a `with`, with no await in between.

        Raises:
            HarkenError: as `Desk.ask` and `Desk.expire` refuse.
        """
        handed: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        pending.handed = handed
        self._desk.ask(pending, self._clock.now())
        try:
            return await handed
        except asyncio.CancelledError:
            pending.take_back()
            raise
        finally:
            self._desk.leave(pending)

    def assign(self) -> None:
        """A slot may be free: hand it to whose turn it is."""
        self._desk.assign(self._clock.now())

    def refusal(self, requester: Requester) -> HarkenError | None:
        """The error that a new recording of this requester would get at once; None if it would be let in."""
        return self._desk.refusal(requester, self._clock.now())
