"""What the queue knows of one waiting segment, and when its turn is due.

Pure. All waiting segments age at the same speed, so the order of two of them never changes while they wait: short
first, ageing and earliest deadline first are one number. Invariant: a ticket is due at most `SLACK_MAX_S` after its
arrival, so what comes later than that cannot overtake it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harken.types import ANYBODY, Requester

SLACK_PER_S = 1.0
"""How much later a segment is due for each second of its recording: who sent a minute expects to wait longer than who
sent five seconds, and the ratio of waits to lengths is what people call fair (slowdown)."""

SLACK_MAX_S = 120.0
"""The latest that anything is due. An hour of audio is not worth an hour of being overtaken; and what waits must come
to its turn well before `limits.queue_timeout_s` (five minutes) ends it."""


@dataclass(kw_only=True, slots=True, eq=False)
class Ticket:
    """One segment that waits, or may have to again.

    Attributes:
        audio_s: its length in seconds of audio; what it costs its key, and what it takes of the queue's room.
        recording_s: length of its recording, in seconds, as far as that is known.
        requester: whose it is, how urgent, and until when the client has use for it.
        arrival: the clock's time, in seconds, at which it was asked for.
        deadline: the clock's time, in seconds, from which on it must not wait any longer.
        run_s: seconds that it will run, about; its client's deadline must leave room for them.
        had_turn: it was called once, and its key has paid for it. Only the queue writes it.
        stay: the number of its present stay in the queue; None while it does not wait. Only the queue writes it.
    """

    audio_s: float
    recording_s: float = 0.0
    requester: Requester = ANYBODY
    arrival: float = 0.0
    deadline: float = math.inf
    run_s: float = 0.0
    had_turn: bool = False
    stay: int | None = None

    @property
    def due(self) -> float:
        """When its turn should come, by the clock: later for a long recording, in time for its client's deadline."""
        slack_s = min(SLACK_PER_S * max(self.audio_s, self.recording_s), SLACK_MAX_S)
        due = self.arrival + slack_s
        latest = self.requester.deadline
        return due if latest is None else min(due, latest - self.run_s)

    @property
    def waits_until(self) -> float:
        """The clock's time from which on waiting is over: the queue's limit, or the client's own deadline."""
        latest = self.requester.deadline
        return self.deadline if latest is None else min(self.deadline, latest)

    def is_too_late(self, now: float) -> bool:
        """Its client has no use for it any more."""
        return self.requester.deadline is not None and self.requester.deadline <= now
