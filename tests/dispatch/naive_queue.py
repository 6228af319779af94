"""The queue as its rules say it, looking at everybody each time: what the real one is compared with."""

from __future__ import annotations

from harken.dispatch.order.queue import OTHERS_PER_OWN, PATIENCE_S
from harken.dispatch.order.ticket import Lane, Ticket


class NaiveQueue:
    """Waiting tickets in a list, in the order in which they came (or came back)."""

    def __init__(self) -> None:
        self.waiting: list[Ticket] = []
        self._owed_s = dict.fromkeys(PATIENCE_S, 0.0)
        self._starts: dict[tuple[Lane, str], float] = {}
        self._listed: list[tuple[Lane, str]] = []
        self._now_s = dict.fromkeys(Lane, 0.0)

    def add(self, ticket: Ticket) -> None:
        """Let a ticket wait."""
        flow = (ticket.lane, ticket.requester.key)
        if not ticket.had_turn:
            if not self._new(*flow):
                self._starts[flow] = max(self._starts.get(flow, 0.0), self._now_s[flow[0]])
            if flow not in self._listed:
                self._listed.append(flow)
        self.waiting.append(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Let a ticket leave."""
        self.waiting.remove(ticket)
        lane = ticket.lane
        if not self._of(lane):
            self._starts = {flow: start for flow, start in self._starts.items() if flow[0] is not lane}
            self._listed = [flow for flow in self._listed if flow[0] is not lane]
            self._now_s[lane] = 0.0

    def expire(self, now: float) -> list[Ticket]:
        """Take out all whose waiting is over."""
        overdue = [each for each in self.waiting if each.waits_until <= now]
        for each in overdue:
            self.remove(each)
        return overdue

    def pop(self, now: float) -> Ticket | None:
        """Take the next one."""
        lanes = [lane for lane in Lane if self._of(lane)]
        if not lanes:
            return None
        lane = self._impatient(lanes, now) or lanes[0]
        is_early = lane is not lanes[0]
        returned = [each for each in self._of(lane) if each.had_turn]
        ticket = min(returned or self._next_flow(lane), key=lambda each: each.due)
        if not ticket.had_turn:
            self._pay(ticket, is_early)
        self.remove(ticket)
        return ticket

    def _of(self, lane: Lane) -> list[Ticket]:
        return [each for each in self.waiting if each.lane is lane]

    def _new(self, lane: Lane, key: str) -> list[Ticket]:
        return [each for each in self._of(lane) if each.requester.key == key and not each.had_turn]

    def _impatient(self, lanes: list[Lane], now: float) -> Lane | None:
        for lane in reversed(lanes[1:]):
            oldest = min(each.arrival for each in self._of(lane))
            if now - oldest > PATIENCE_S[lane] and self._owed_s[lane] <= 0:
                return lane
        return None

    def _next_flow(self, lane: Lane) -> list[Ticket]:
        flows = [flow for flow in self._listed if flow[0] is lane]
        for flow in sorted(flows, key=lambda flow: self._starts[flow]):
            if self._new(*flow):
                return self._new(*flow)
            self._listed.remove(flow)
        return []

    def _pay(self, ticket: Ticket, is_early: bool) -> None:
        lane = ticket.lane
        flow = (lane, ticket.requester.key)
        self._now_s[lane] = self._starts[flow]
        self._starts[flow] += ticket.audio_s
        self._listed.remove(flow)
        if len(self._new(*flow)) > 1:
            self._listed.append(flow)
        if is_early:
            self._owed_s[lane] += OTHERS_PER_OWN * ticket.audio_s
        for other, owed_s in self._owed_s.items():
            if other is not lane:
                self._owed_s[other] = max(0.0, owed_s - ticket.audio_s)
