"""The gateway's queue: what waits for a slot, bounded in audio-seconds.

Pure: it holds tickets and knows neither targets nor futures nor the time of day (`now` is an argument). First
come, first served today; the order is one number per ticket, so that another policy changes one line (in `place`).
A ticket that had a slot and lost it (its instance died) goes back to the place it came from and is never refused: it
was accepted long ago. Invariant: `audio_s` is the sum over exactly the tickets that wait, and `push` never takes it
above the limit.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Generic, TypeVar

_HUSKS_MAX = 64


@dataclass(kw_only=True, slots=True, eq=False)
class Ticket:
    """One waiting segment.

    Attributes:
        audio_s: its length in seconds of audio.
        deadline: the clock's time, in seconds, from which on it must not wait any longer.
        order: smaller goes first; the queue writes it once, in `place`.
        stay: the number of its present stay in the queue; None while it does not wait. Only the queue writes it.
    """

    audio_s: float
    deadline: float
    order: int | None = None
    stay: int | None = None


T = TypeVar("T", bound=Ticket)


class Queue(Generic[T]):
    """Tickets in the order in which they get a slot.

    Args:
        limit_audio_s: seconds of audio that may wait at the same time.
    """

    def __init__(self, limit_audio_s: float) -> None:
        self._limit_audio_s = limit_audio_s
        self._numbers = itertools.count()
        self._waiting: dict[int, T] = {}
        # Two heaps over the same stays. One that ended early stays behind as a husk until it comes up or is swept.
        self._by_order: list[tuple[int, int]] = []
        self._by_deadline: list[tuple[float, int]] = []
        self._audio_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def audio_s(self) -> float:
        """Seconds of audio that wait."""
        return self._audio_s

    def place(self, ticket: T) -> None:
        """Give a ticket its place in the order, whether or not it will have to wait."""
        ticket.order = next(self._numbers)

    def push(self, ticket: T) -> bool:
        """Put a new ticket at its place, O(log n); False, and nothing changed, when there is no room for it."""
        if self._audio_s + ticket.audio_s > self._limit_audio_s:
            return False
        self.put_back(ticket)
        return True

    def put_back(self, ticket: T) -> None:
        """Return a ticket to the place it had, whatever the limit says. O(log n)."""
        assert ticket.stay is None, f"a ticket waits once, not twice: {ticket!r}"
        if ticket.order is None:
            self.place(ticket)
        assert ticket.order is not None, "it has just been placed"
        number = next(self._numbers)
        ticket.stay = number
        self._waiting[number] = ticket
        self._audio_s += ticket.audio_s
        heapq.heappush(self._by_order, (ticket.order, number))
        heapq.heappush(self._by_deadline, (ticket.deadline, number))

    def pop(self) -> T | None:
        """Take the ticket whose turn it is; None when nobody waits. O(log n)."""
        while self._by_order:
            ticket = self._waiting.get(heapq.heappop(self._by_order)[1])
            if ticket is not None:
                self.remove(ticket)
                return ticket
        return None

    def remove(self, ticket: T) -> bool:
        """Let a ticket leave (its client went away), O(1); False when it does not wait here."""
        if ticket.stay is None or self._waiting.get(ticket.stay) is not ticket:
            return False
        del self._waiting[ticket.stay]
        ticket.stay = None
        # Sums of floats drift; an empty queue is the moment at which the true value is known.
        self._audio_s = self._audio_s - ticket.audio_s if self._waiting else 0.0
        self._sweep()
        return True

    def expire(self, now: float) -> list[T]:
        """Take out every ticket whose deadline has come, the longest overdue first."""
        expired: list[T] = []
        while self._by_deadline and self._by_deadline[0][0] <= now:
            ticket = self._waiting.get(heapq.heappop(self._by_deadline)[1])
            if ticket is not None:
                self.remove(ticket)
                expired.append(ticket)
        return expired

    def _sweep(self) -> None:
        """Drop the husks once they are the majority: each removal pays for its own, O(1) on average."""
        bound = 2 * len(self._waiting) + _HUSKS_MAX
        if len(self._by_order) > bound:
            self._by_order = [entry for entry in self._by_order if entry[1] in self._waiting]
            heapq.heapify(self._by_order)
        if len(self._by_deadline) > bound:
            self._by_deadline = [entry for entry in self._by_deadline if entry[1] in self._waiting]
            heapq.heapify(self._by_deadline)
