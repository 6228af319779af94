"""The desk: who asks for a slot gets one, waits for one, or is told why not. The dispatcher's decisions in one object.

Pure but for the pool's log lines: it joins the queue (who is next), the pool (which slot is free) and the pace (when
to come back), and takes the time as an argument. The gateway's waiting room puts futures around it, the simulator
virtual servers; both use this class as it is. It refuses to know what is done with a claim. Invariant: each time that a
guest asks, `hand` or `refuse` is called exactly once, unless it leaves before.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harken.config import LimitsConfig
from harken.dispatch.order.pace import Pace
from harken.dispatch.order.queue import Queue
from harken.dispatch.order.room import Room
from harken.dispatch.order.ticket import Ticket
from harken.dispatch.targets.candidate import Work
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Claim, Target
from harken.errors import DeadlineExceeded, Draining, HarkenError, NoReadyInstance, QueueFull, TimedOut
from harken.types import Requester

NOT_READY_RETRY_AFTER_S = 5

_HOLD_RUNS = 8.0
"""How many times the run of a full segment bulk work waits before it takes the reserve. In seconds it would be another
rule on every machine: five seconds let the 99th percentile of short clips fall by a third on a fast one, and by
nothing on one four times slower, where that is a single run. Longer, and its segments wait because the fleet
has too much to do; then an idle slot helps nobody."""

_HOLD_MIN_S, _HOLD_MAX_S = 5.0, 30.0
"""Its bounds: who sends a file waits for seconds anyway, and nobody for minutes beside idle slots."""

_FULL_SEGMENT_S = 30.0

_KEPT_S = 10.0
"""How long after the last short segment the reserve is kept for the next. Where only files come, nobody needs it."""

_PASSED_MAX = 64
"""Guests that may be passed over in one round of handing out, because they avoid the targets that are free. It bounds
the cost of a round; those behind them wait until one of them is served, which any other free slot does."""


@dataclass(kw_only=True, slots=True, eq=False)
class Guest(Ticket, ABC):
    """Who asks for a slot.

    Attributes:
        is_accepted: it, or its recording's first segment, had a slot or a place in the queue once; from then on it is
            never refused for want of room.
        home: name of the target that remembers its session; "" for none.
        avoid: targets on which it failed before, or would.
    """

    is_accepted: bool = False
    home: str = ""
    avoid: set[Target] = field(default_factory=set)

    def work(self, *, is_bulk: bool) -> Work:
        """What a policy may know of it."""
        return Work(audio_s=self.audio_s, affinity=self.requester.key, is_bulk=is_bulk, home=self.home)

    @property
    @abstractmethod
    def is_waiting(self) -> bool:
        """Somebody still wants the claim (its caller may have left in this very moment)."""

    @abstractmethod
    def hand(self, claim: Claim) -> None:
        """Give it its slot; from now on the claim is its to release."""

    @abstractmethod
    def refuse(self, error: HarkenError) -> None:
        """End its waiting with an error."""


G = TypeVar("G", bound=Guest)


class Desk(Generic[G]):
    """Hands out the slots of a pool.

    Args:
        limits: how much may wait, and how long.
        pool: the targets.
        pace: for the Retry-After of refusals.

    Attributes:
        room: how much may wait, and whose; who waits for something else than a slot takes room here too.
    """

    def __init__(self, *, limits: LimitsConfig, pool: Pool, pace: Pace) -> None:
        self._limits = limits
        self._pool = pool
        self._pace = pace
        self.room = Room(limits.queue_audio_s)
        self._queue: Queue[G] = Queue(self.room)
        self._is_closed = False
        self._short_at = -math.inf

    def __len__(self) -> int:
        """Guests that wait."""
        return len(self._queue)

    @property
    def queued_audio_s(self) -> float:
        """Seconds of audio that wait."""
        return self.room.audio_s

    def oldest_wait_s(self, now: float) -> float:
        """How long the guest has waited that came first."""
        return self._queue.oldest_wait_s(now)

    def ask(self, guest: G, now: float) -> None:
        """Hand a guest a slot at once, or let it wait for its turn, or refuse it.

        It is refused with `Draining` (the desk is closed), `DeadlineExceeded` (its client's deadline is over),
        `TimedOut` or `NoReadyInstance` (it was accepted, and its time is over), or `QueueFull` (it is new, and too much
        waits already). While no target is ready it waits like anybody.
        """
        error = self._objection(guest, now)
        if error is not None:
            guest.refuse(error)
            return
        if not guest.lane.is_bulk:
            self._short_at = now
        # Nobody overtakes those who wait.
        claim = None if self._queue else self._claim(guest, now)
        if claim is not None:
            self._hand(guest, claim)
            return
        guest.run_s = self._pace.run_s(guest.audio_s, now)
        guest.wait_s = self._pace.work_off_s(self.room.ahead_s(guest.requester.priority), now)
        self._narrow(now)
        if guest.is_accepted:
            self._queue.put_back(guest)
        elif not self._queue.push(guest):
            guest.refuse(self._full(guest.requester, now))
            return
        guest.is_accepted = True
        self.assign(now)

    def assign(self, now: float) -> None:
        """Hand free slots to those who wait, in their order. One that avoids all free targets lets others pass."""
        passed: list[G] = []
        while len(passed) < _PASSED_MAX and self._pool.has_free_slot:
            is_reserve = self._is_kept(now) and not self._pool.has_open_slot
            guest = self._queue.pop(now, hold_s=self._hold_s(now) if is_reserve else None)
            if guest is None:
                break
            if not guest.is_waiting:
                continue
            if guest.is_too_late(now):
                guest.refuse(DeadlineExceeded())
                continue
            claim = self._claim(guest, now, is_reserve=is_reserve)
            if claim is None:
                passed.append(guest)
            else:
                self._hand(guest, claim)
        for guest in passed:
            self._queue.put_back(guest)
        self._pace.wait(now, is_full=bool(self._queue) and self._pool.ready > 0)

    def expire(self, now: float) -> None:
        """Let time count: send those away whose time is over, and let those on who have waited for the reserve."""
        for guest in self._queue.expire(now):
            guest.refuse(self._overdue(guest, now))
        self.assign(now)

    def leave(self, guest: G) -> bool:
        """Let a guest go; False when it does not wait (any more)."""
        return self._queue.remove(guest)

    def close(self, now: float) -> None:
        """Send everybody away and let nobody in."""
        self._is_closed = True
        while (guest := self._queue.pop(now)) is not None:
            guest.refuse(Draining())

    def refusal(self, requester: Requester, now: float) -> HarkenError | None:
        """Tell whether even the shortest new recording of this requester would be refused now. O(1).

        Returns:
            The error that it would get; None if it would get a slot or a place.
        """
        if self._is_closed:
            return Draining()
        if requester.ends_at is not None and requester.ends_at <= now:
            return DeadlineExceeded()
        self._narrow(now)
        if self._queue and not self.room.fits(requester):
            return self._full(requester, now)
        return self.closed(now)

    def _objection(self, guest: G, now: float) -> HarkenError | None:
        if self._is_closed:
            return Draining()
        # Turned away again and again by full instances, it may never be in the queue when that is gone through.
        if guest.is_too_late(now) or (guest.is_accepted and guest.waits_until <= now):
            return self._overdue(guest, now)
        return None if guest.is_accepted else self.closed(now)

    def closed(self, now: float) -> QueueFull | None:
        """Tell that a new guest would wait in vain, because every target said that it takes nothing for so long."""
        closed_s = 0.0 if self._pool.ready else self._pool.closed_for_s(now)
        if closed_s <= self._limits.queue_timeout_s:
            return None
        return QueueFull(f"No instance takes anything for another {closed_s:.0f} s.", retry_after_s=math.ceil(closed_s))

    def _narrow(self, now: float) -> None:
        """Let no more wait than can be worked off in time, as far as that was measured.

        While no target is ready nobody knows when one will be, and how fast it is: all the room is open then.
        """
        rtfx = self._pace.full_rtfx(now) if self._pool.ready else None
        self.room.narrow(math.inf if rtfx is None else rtfx * self._limits.queue_timeout_s)

    def _hold_s(self, now: float) -> float:
        return min(max(_HOLD_RUNS * self._pace.run_s(_FULL_SEGMENT_S, now), _HOLD_MIN_S), _HOLD_MAX_S)

    def _is_kept(self, now: float) -> bool:
        return now - self._short_at < _KEPT_S

    def _claim(self, guest: G, now: float, *, is_reserve: bool = False) -> Claim | None:
        is_bulk = guest.lane.is_bulk and not is_reserve and self._is_kept(now)
        return self._pool.claim(guest.avoid, guest.work(is_bulk=is_bulk))

    @staticmethod
    def _hand(guest: G, claim: Claim) -> None:
        guest.is_accepted = True
        guest.had_turn = True
        guest.hand(claim)

    def _full(self, requester: Requester, now: float) -> HarkenError:
        waits_s = self.room.ahead_s(requester.priority)
        limit_s = self.room.limit_s(requester.priority)
        return QueueFull(
            f"{waits_s:.0f} s of audio wait already, and at most {limit_s:.0f} s may.",
            retry_after_s=self._pace.retry_after_s(waits_s, now),
        )

    def _overdue(self, guest: G, now: float) -> HarkenError:
        if guest.is_too_late(now):
            return DeadlineExceeded()
        limit = f"within {self._limits.queue_timeout_s:g} s"
        if self._pool.ready == 0:
            closed_s = math.ceil(self._pool.closed_for_s(now))
            retry_after_s = max(closed_s, NOT_READY_RETRY_AFTER_S)
            return NoReadyInstance(f"No instance became ready {limit}.", retry_after_s=retry_after_s)
        retry_after_s = self._pace.retry_after_s(self.room.ahead_s(guest.requester.priority), now)
        return TimedOut(f"No slot became free {limit}.", retry_after_s=retry_after_s)
