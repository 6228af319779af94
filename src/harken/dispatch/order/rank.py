"""The waiting tickets of one lane: fair between keys, by due time within a key.

Start-time fair queueing (Goyal, Vin and Cheng, 1996), with a key's flow tagged rather than each ticket, because within
a flow the order is by due time and a later ticket may go first. A flow's `start` is the audio that its key has had, on
a clock that all keys share; the flow with the smallest goes next and pays by its ticket's length. Hence the invariant:
of two keys that wait together, neither is ahead of the other by more than one ticket. Who has had its turn and comes
back (its instance died) goes before everybody and does not pay again.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from typing import Generic, TypeVar

from harken.dispatch.order.heap import Heap
from harken.dispatch.order.ticket import Ticket

_IDLE_FLOWS_MAX = 64

T = TypeVar("T", bound=Ticket)


class Flow:
    """One key's tickets of one lane; it outlives them for as long as the key is ahead of others."""

    __slots__ = ("by_due", "count", "is_listed", "start")

    def __init__(self, waiting: Mapping[int, Ticket]) -> None:
        self.by_due = Heap(waiting)
        self.count = 0
        self.start = 0.0
        self.is_listed = False


class Rank(Generic[T]):
    """One lane.

    Args:
        waiting: all tickets of the queue by the number of their stay. The queue changes it; here it is read.
    """

    def __init__(self, waiting: Mapping[int, T]) -> None:
        self._waiting = waiting
        self._flows: dict[str, Flow] = {}
        self._by_start: list[tuple[float, int, str]] = []
        self._by_arrival = Heap(waiting)
        self._returned = Heap(waiting)
        self._numbers = itertools.count()
        self._now = 0.0  # in audio-seconds: the start of the flow that was served last
        self._flows_max = _IDLE_FLOWS_MAX
        self.count = 0

    def add(self, ticket: T, number: int) -> None:
        """Let a ticket of the queue wait here. O(log n)."""
        self.count += 1
        self._by_arrival.push(ticket.arrival, number)
        if ticket.had_turn:
            self._returned.push(ticket.due, number)
            return
        key = ticket.requester.key
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = Flow(self._waiting)
        if flow.count == 0:
            flow.start = max(flow.start, self._now)
        flow.count += 1
        flow.by_due.push(ticket.due, number)
        self._list(key, flow)

    def discard(self, ticket: T) -> None:
        """Forget a ticket that the queue has just removed. O(1) on average."""
        self.count -= 1
        if self.count == 0:
            self._reset()
            return
        if not ticket.had_turn:
            flow = self._flows[ticket.requester.key]
            flow.count -= 1
            flow.by_due.sweep(flow.count)
        self._by_arrival.sweep(self.count)
        self._returned.sweep(self.count)
        if len(self._flows) > self._flows_max:
            self._forget_flows()

    def oldest_arrival(self) -> float | None:
        """When the one that has waited longest was asked for; None where nobody waits."""
        oldest = self._by_arrival.first()
        return None if oldest is None else oldest[0]

    def next(self) -> T | None:
        """Whose turn it is; nobody moves. O(log n) on average."""
        returned = self._returned.first()
        if returned is not None:
            return self._waiting[returned[1]]
        flow = self._next_flow()
        first = None if flow is None else flow.by_due.first()
        return None if first is None else self._waiting[first[1]]

    def charge(self, ticket: T) -> None:
        """Have the key of `next()` pay for its turn, while the ticket still waits; once for each ticket. O(log n)."""
        if ticket.had_turn:
            return
        key = ticket.requester.key
        flow = self._flows[key]
        assert self._by_start[0][2] == key, f"only the next one is charged: {ticket!r}"
        self._now = flow.start
        flow.start += ticket.audio_s
        heapq.heappop(self._by_start)
        flow.is_listed = False
        if flow.count > 1:
            self._list(key, flow)

    def _list(self, key: str, flow: Flow) -> None:
        # While a flow is listed its start does not change: an idle one that is still listed is not behind the clock.
        if not flow.is_listed:
            flow.is_listed = True
            heapq.heappush(self._by_start, (flow.start, next(self._numbers), key))

    def _next_flow(self) -> Flow | None:
        while self._by_start:
            flow = self._flows[self._by_start[0][2]]
            if flow.count:
                return flow
            heapq.heappop(self._by_start)
            flow.is_listed = False
        return None

    def _forget_flows(self) -> None:
        """Drop the flows of keys that have nothing here and are not ahead of anybody."""
        kept = {key: flow for key, flow in self._flows.items() if flow.is_listed or flow.start > self._now}
        self._flows = kept
        self._flows_max = 2 * len(kept) + _IDLE_FLOWS_MAX

    def _reset(self) -> None:
        """Nobody waits: nobody is ahead of anybody either."""
        self._flows.clear()
        self._by_start.clear()
        self._by_arrival.clear()
        self._returned.clear()
        self._now = 0.0
        self._flows_max = _IDLE_FLOWS_MAX
