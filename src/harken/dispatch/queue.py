"""The gateway's queue: what waits for a slot, who is next, and how much may wait.

Pure: it holds tickets and knows neither targets nor futures nor the time of day (`now` is an argument). The order has
three levels: classes here, the keys of a class in `rank`, the segments of a key by `ticket.due`. A higher class goes
first. A lower one whose longest-waiting segment is out of patience gets every fourth audio-second: enough that nothing
starves, and no more, since its whole backlog may be out of patience. A ticket that had a slot and lost it (its instance
died) keeps its place and is never refused: it was accepted long ago. Invariant: `audio_s` is the sum over exactly the
tickets that wait.
"""

from __future__ import annotations

import itertools
from typing import Generic, TypeVar

from harken.dispatch.heap import Heap
from harken.dispatch.rank import Rank
from harken.dispatch.room import Room
from harken.dispatch.ticket import Ticket
from harken.types import Priority

PATIENCE_S = {Priority.INTERACTIVE: 15.0, Priority.BATCH: 60.0}
"""How long a class lets itself be overtaken by higher ones. Fifteen seconds is what somebody watching a spinner gives
us; a minute is nothing to a job, and a fifth of the five minutes after which waiting ends by default."""

OTHERS_PER_OWN = 3.0
"""Audio-seconds of others that an impatient class lets pass for each of its own: it gets a fourth."""

T = TypeVar("T", bound=Ticket)


class Queue(Generic[T]):
    """Tickets in the order in which they get a slot.

    Args:
        limit_audio_s: seconds of audio that may wait at the same time; `room` says of whom.
    """

    def __init__(self, limit_audio_s: float) -> None:
        self._room = Room(limit_audio_s)
        self._numbers = itertools.count()
        self._waiting: dict[int, T] = {}
        self._ranks = {priority: Rank(self._waiting) for priority in Priority}
        self._owed_s = dict.fromkeys(PATIENCE_S, 0.0)  # what others shall get before the class is early again
        self._by_end = Heap(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def audio_s(self) -> float:
        """Seconds of audio that wait."""
        return self._room.audio_s

    @property
    def room(self) -> Room:
        """Who may still come; to be read only."""
        return self._room

    def push(self, ticket: T) -> bool:
        """Let a new ticket wait, O(log n); False, and nothing changed, when there is no room for it."""
        if not self._room.fits(ticket.requester, ticket.audio_s):
            return False
        self.put_back(ticket)
        return True

    def put_back(self, ticket: T) -> None:
        """Let a ticket wait whatever the limit says; one that had its turn goes first in its class. O(log n)."""
        assert ticket.stay is None, f"a ticket waits once, not twice: {ticket!r}"
        number = ticket.stay = next(self._numbers)
        self._waiting[number] = ticket
        self._room.take(ticket.requester, ticket.audio_s)
        self._ranks[ticket.requester.priority].add(ticket, number)
        self._by_end.push(ticket.waits_until, number)

    def pop(self, now: float) -> T | None:
        """Take the ticket whose turn it is, and have its key pay for it; None when nobody waits. O(log n)."""
        priority = self._class_in_turn(now)
        if priority is None:
            return None
        rank = self._ranks[priority]
        ticket = rank.next()
        assert ticket is not None, f"a class with {rank.count} tickets has a next one"
        if not ticket.had_turn:
            rank.charge(ticket)
            self._settle(priority, ticket.audio_s)
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
        self._ranks[ticket.requester.priority].discard(ticket)
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

    def _class_in_turn(self, now: float) -> Priority | None:
        highest = next((priority for priority, rank in self._ranks.items() if rank.count), None)
        for priority in _LOWEST_FIRST:
            if priority is highest:
                break
            oldest = self._ranks[priority].oldest_arrival()
            if oldest is not None and now - oldest > PATIENCE_S[priority] and self._owed_s[priority] <= 0:
                self._owed_s[priority] += OTHERS_PER_OWN * self._next_audio_s(priority)
                return priority
        return highest

    def _next_audio_s(self, priority: Priority) -> float:
        ticket = self._ranks[priority].next()
        return 0.0 if ticket is None or ticket.had_turn else ticket.audio_s

    def _settle(self, served: Priority, audio_s: float) -> None:
        """What one class got is what others let pass."""
        for priority, owed_s in self._owed_s.items():
            if priority is not served:
                self._owed_s[priority] = max(0.0, owed_s - audio_s)


_LOWEST_FIRST = tuple(sorted(PATIENCE_S, key=list(Priority).index, reverse=True))
