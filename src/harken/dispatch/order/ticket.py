"""What the queue knows of one waiting segment: in which lane it waits, and when its turn is due.

Pure. All waiting segments age at the same speed, so the order of two of them never changes while they wait: short
first, ageing and earliest deadline first are one number. Invariant: a ticket is due at most `SLACK_MAX_S` after its
arrival, so what comes later than that cannot overtake it in its lane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from harken.types import ANYBODY, Priority, Requester

SHORT_S = 30.0
"""Recordings up to this length are short: one segment, and somebody waits for a sentence."""

SLACK_PER_S = 1.0
"""How much later a segment is due for each second of its recording: who sent a minute expects to wait longer than who
sent five seconds, and the ratio of waits to lengths is what people call fair (slowdown)."""

SLACK_MAX_S = 150.0
"""The latest that anything is due: a voice message of two minutes goes before a lecture that came a moment earlier. An
hour of audio is not worth an hour of being overtaken; and what waits must come to its turn well before
`limits.queue_timeout_s` (five minutes) ends it. With 60 s, recordings of 0.5 to 3 min took as long as behind
`least_conn` or longer (95th percentile, simulated, 90 % load), with 180 s long files took an eighth longer."""

FRESH_SLACK_MAX_S = 30.0
"""A recording that began long ago goes before those that begin now, so that it is finished before they share its slots;
but each of its segments is due only so long after its own arrival, or a day of audio would shut out every minute."""


class Lane(StrEnum):
    """Where a ticket waits: its class, and short before long in the class where somebody waits for the whole."""

    LIVE = "live"
    SHORT = "short"
    LONG = "long"
    BATCH = "batch"

    @property
    def is_bulk(self) -> bool:
        """Its segments are many and nobody waits for a single one; they leave the reserve to the others."""
        return self in (Lane.LONG, Lane.BATCH)


@dataclass(kw_only=True, slots=True, eq=False)
class Ticket:
    """One segment that waits, or may have to again.

    Attributes:
        audio_s: its length in seconds of audio; what it costs its key, and what it takes of the queue's room.
        recording_s: length of its recording, in seconds, as far as that is known.
        requester: whose it is, how urgent, and until when the client has use for it.
        arrival: the clock's time, in seconds, at which it was asked for.
        began: the same of its recording's first segment; None where it is that.
        deadline: the clock's time, in seconds, from which on it must not wait any longer.
        run_s: seconds that it will run, about; its client's deadline must leave room for them.
        wait_s: seconds in which what waits now is worked off, about. Where that is longer than its client's deadline
            allows, it must go before what is due long before that deadline.
        had_turn: it was called once, and its key has paid for it. Only the queue writes it.
        stay: the number of its present stay in the queue; None while it does not wait. Only the queue writes it.
    """

    audio_s: float
    recording_s: float = 0.0
    requester: Requester = ANYBODY
    arrival: float = 0.0
    began: float | None = None
    deadline: float = math.inf
    run_s: float = 0.0
    wait_s: float = 0.0
    had_turn: bool = False
    stay: int | None = None

    @property
    def size_s(self) -> float:
        """What it is a part of, in seconds of audio."""
        return max(self.audio_s, self.recording_s)

    @property
    def lane(self) -> Lane:
        """Where it waits."""
        if self.requester.priority is Priority.INTERACTIVE:
            return Lane.SHORT if self.size_s <= SHORT_S else Lane.LONG
        return Lane.LIVE if self.requester.priority is Priority.LIVE else Lane.BATCH

    @property
    def due(self) -> float:
        """When its turn should come, by the clock: later for a long recording, in time for its client's deadline."""
        slack_s = min(SLACK_PER_S * self.size_s, SLACK_MAX_S)
        due = self.arrival + slack_s
        if self.began is not None:
            due = max(self.began + slack_s, self.arrival + min(slack_s, FRESH_SLACK_MAX_S))
        latest = self.requester.deadline
        return due if latest is None else min(due, latest - self.run_s - self.wait_s)

    @property
    def waits_until(self) -> float:
        """The clock's time from which on waiting is over: the queue's limit, or the client's own deadline."""
        latest = self.requester.ends_at
        return self.deadline if latest is None else min(self.deadline, latest)

    def is_too_late(self, now: float) -> bool:
        """Its client has no use for it any more."""
        latest = self.requester.ends_at
        return latest is not None and latest <= now
