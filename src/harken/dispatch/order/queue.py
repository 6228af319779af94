"""The gateway's queue: what waits for a slot, who is next, and how much may wait.

Pure: it holds tickets and knows neither targets nor futures nor the time of day (`now` is an argument). The order has
three levels: lanes here, the keys of a lane in `rank`, the segments of a key by `ticket.due`. A higher lane goes first.
A lower one whose longest-waiting segment is out of patience gets every fourth audio-second: enough that nothing
starves, and no more, since its whole backlog may be out of patience. A ticket that had a slot and lost it (its instance
died) keeps its place and is never refused: it was accepted long ago. Invariant: what waits here is in its room, once.
"""

from __future__ import annotations

import itertools
from typing import Generic, TypeVar

from harken.dispatch.order.heap import Heap
from harken.dispatch.order.rank import Rank
from harken.dispatch.order.room import Room
from harken.dispatch.order.ticket import Lane, Ticket

PATIENCE_S = {Lane.SHORT: 15.0, Lane.LONG: 15.0, Lane.BATCH: 60.0}
"""How long a lane lets itself be overtaken by higher ones. Fifteen seconds is what somebody watching a spinner gives
us; a minute is nothing to a job, and a fifth of the five minutes after which waiting ends by default."""

OTHERS_PER_OWN = 3.0
"""Audio-seconds of others that an impatient lane lets pass for each of its own: it gets a fourth."""

BATCH_HOLD_S = 30.0
"""How long jobs leave the reserve of free slots alone, at least."""

T = TypeVar("T", bound=Ticket)


class Queue(Generic[T]):
    """Tickets in the order in which they get a slot.

    Args:
        room: how much may wait, and whose; several queues may share one.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._numbers = itertools.count()
        self._waiting: dict[int, T] = {}
        self._ranks = {lane: Rank(self._waiting) for lane in Lane}
        self._owed_s = dict.fromkeys(PATIENCE_S, 0.0)  # what others shall get before the lane is early again
        self._by_end = Heap(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def audio_s(self) -> float:
        """Seconds of audio in its room."""
        return self._room.audio_s

    def oldest_wait_s(self, now: float) -> float:
        """How long the ticket has waited that came first; 0 where none waits."""
        return max((self._waits_s(lane, now) for lane in Lane), default=0.0)

    def push(self, ticket: T) -> bool:
        """Let a new ticket wait, O(log n); False, and nothing changed, when there is no room for it."""
        if not self._room.fits(ticket.requester, ticket.audio_s):
            return False
        self.put_back(ticket)
        return True

    def put_back(self, ticket: T) -> None:
        """Let a ticket wait whatever the limit says; one that had its turn goes first in its lane. O(log n)."""
        assert ticket.stay is None, f"a ticket waits once, not twice: {ticket!r}"
        number = ticket.stay = next(self._numbers)
        self._waiting[number] = ticket
        self._room.take(ticket.requester, ticket.audio_s)
        self._ranks[ticket.lane].add(ticket, number)
        self._by_end.push(ticket.waits_until, number)

    def pop(self, now: float, *, hold_s: float | None = None) -> T | None:
        """Take the ticket whose turn it is, and have its key pay for it. O(log n).

        Args:
            now: the clock's time, in seconds.
            hold_s: it is for a slot of the reserve, which bulk work takes only after it has waited for so long, in
                seconds; None where any slot is free.

        Returns:
            None when nobody waits for such a slot.
        """
        lane = self._lane_in_turn(now, hold_s)
        if lane is None:
            return None
        rank = self._ranks[lane]
        ticket = rank.next()
        assert ticket is not None, f"a lane with {rank.count} tickets has a next one"
        if not ticket.had_turn:
            rank.charge(ticket)
            self._settle(lane, ticket.audio_s)
        self.remove(ticket)
        ticket.had_turn = True
        return ticket

    def remove(self, ticket: T) -> bool:
        """Let a ticket leave (its client went away), O(1) on average; False when it does not wait here."""
        if ticket.stay is None or self._waiting.get(ticket.stay) is not ticket:
            return False
        del self._waiting[ticket.stay]
        ticket.stay = None
        self._room.leave(ticket.requester, ticket.audio_s)
        self._ranks[ticket.lane].discard(ticket)
        self._by_end.sweep(len(self._waiting))
        return True

    def expire(self, now: float) -> list[T]:
        """Take out every ticket whose waiting is over, the longest overdue first. O(log n) each."""
        expired: list[T] = []
        while (first := self._by_end.first()) is not None and first[0] <= now:
            ticket = self._waiting[first[1]]
            self.remove(ticket)
            expired.append(ticket)
        return expired

    def _lane_in_turn(self, now: float, hold_s: float | None) -> Lane | None:
        lanes = [lane for lane, rank in self._ranks.items() if rank.count and self._may_go(lane, now, hold_s)]
        for lane in reversed(lanes[1:]):
            if self._waits_s(lane, now) > PATIENCE_S[lane] and self._owed_s[lane] <= 0:
                self._owed_s[lane] += OTHERS_PER_OWN * self._next_audio_s(lane)
                return lane
        return lanes[0] if lanes else None

    def _may_go(self, lane: Lane, now: float, hold_s: float | None) -> bool:
        if hold_s is None or not lane.is_bulk:
            return True
        return self._waits_s(lane, now) > (max(hold_s, BATCH_HOLD_S) if lane is Lane.BATCH else hold_s)

    def _waits_s(self, lane: Lane, now: float) -> float:
        oldest = self._ranks[lane].oldest_arrival()
        return 0.0 if oldest is None else now - oldest

    def _next_audio_s(self, lane: Lane) -> float:
        ticket = self._ranks[lane].next()
        return 0.0 if ticket is None or ticket.had_turn else ticket.audio_s

    def _settle(self, served: Lane, audio_s: float) -> None:
        """What one lane got is what others let pass."""
        for lane, owed_s in self._owed_s.items():
            if lane is not served:
                self._owed_s[lane] = max(0.0, owed_s - audio_s)
