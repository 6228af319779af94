"""What is remembered of a target's health, and how much patience there is with it.

Pure data; `health` says what follows. Looks, canaries and segments are counted apart on purpose: an answered look
proves that a process is alive, a canary that it recognised one known recording, and neither forgives failed segments,
because ready means that this instance recognises what people send.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """When it ends.

    Attributes:
        missed_looks: unanswered looks in a row after which a target counts as unresponsive.
        failures: failed segments in a row after which it is set aside.
        rest_s: for so many seconds the first time, twice as long the next, and then until an answered look.
        rest_max_s: and never for longer than this.
        forgiven_s: after so many seconds of work without a rest, the next is the first again.
        rests: rests in a row, with no recognised segment between them, after which it is in doubt: its canary decides
            whether it must be replaced.
        stalls: segments without progress, with no recognised one between them, after which it is in doubt as well.
        loop_lag_s: an event loop that is so late gets nothing new; people wait longer than that only where all are.
        eject_share: the largest part of the targets that may be set aside for being worse than the others.
    """

    missed_looks: int = 3
    failures: int = 5
    rest_s: float = 5.0
    rest_max_s: float = 120.0
    forgiven_s: float = 60.0
    rests: int = 2
    stalls: int = 2
    loop_lag_s: float = 1.0
    eject_share: float = 0.34

    def spare(self, targets: int, away: int) -> int:
        """How many more of so many targets may be set aside for being worse, when `away` of them are away already.

        One of two or three may, though it is more than the share: it works at a quarter of the other's speed or fails
        every third segment, so little is lost. The last one never may, nor any where the share is 0.
        """
        if targets < 2 or self.eject_share <= 0:
            return 0
        return max(min(max(1, int(self.eject_share * targets)), targets - 1) - away, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """What is remembered of a target.

    Attributes:
        missed_looks: unanswered looks in a row.
        failures: failed segments in a row; canaries do not count, neither those that fail nor those that succeed.
        rests: rests since the last recognised segment; while there is one, it must prove itself.
        rests_until: the clock's time until which it is set aside.
        strikes: rests since it last worked well for long; each makes the next one longer.
        stalls: segments without progress since the last recognised one.
        is_disproved: its last canary was wrong; until one is right it gets nothing.
        is_proved: a canary was right since its last rest, so its trial is over; but what failed is not forgiven.
        is_doubted: resting has not helped, or it stalled again. That may be one client's fault: its canary tells.
    """

    missed_looks: int = 0
    failures: int = 0
    rests: int = 0
    rests_until: float = float("-inf")
    strikes: int = 0
    stalls: int = 0
    is_disproved: bool = False
    is_proved: bool = False
    is_doubted: bool = False

    @property
    def is_on_trial(self) -> bool:
        """It has rested, and neither a segment nor a canary was recognised since."""
        return self.rests > 0 and not self.is_proved

    @property
    def is_spotless(self) -> bool:
        """No success could forgive anything."""
        return not (self.failures or self.rests or self.strikes or self.stalls)
