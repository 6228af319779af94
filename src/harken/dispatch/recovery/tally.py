"""How often a segment may fail before its client is told, and whose fault each failure counts as.

Pure. When an instance dies under a segment, either the segment did it (a recording on which the model crashes), or
something else did, and the segment is innocent. Who ran there alone is the suspect: three such deaths are enough, so
that one recording does not go through a whole fleet. Who had company is probably innocent, and an instance that others
kill must not cost it its tries; there is only a bound. A segment that is refused twice is one that nobody takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harken.dispatch.lines.failures import ConnectionLost, Cut, Refused, Silent, Stalled, Unreached
from harken.errors import HarkenError, TimedOut, Unavailable

LONE_DEATHS_MAX = 3
SHARED_DEATHS_MAX = 8
REFUSALS_MAX = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What has happened to one segment so far.

    Attributes:
        tries: failed attempts that used up one of `limits.attempts`.
        lone_deaths: instances that were lost while it ran there alone; they are tries too.
        shared_deaths: instances that were lost while others ran there beside it, or before it got there.
        refusals: servers that would not take it; they are tries too.
    """

    tries: int = 0
    lone_deaths: int = 0
    shared_deaths: int = 0
    refusals: int = 0

    def after(self, error: HarkenError, *, had_company: bool) -> Tally:
        """Count one failed attempt; `had_company`: other segments were on that instance meanwhile."""
        if is_loss(error):
            if had_company or isinstance(error, Unreached):
                return replace(self, shared_deaths=self.shared_deaths + 1)
            return replace(self, tries=self.tries + 1, lone_deaths=self.lone_deaths + 1)
        if is_turned_away(error):
            return self
        return replace(self, tries=self.tries + 1, refusals=self.refusals + isinstance(error, Refused))


def is_turned_away(error: HarkenError) -> bool:
    """The instance is well and has not worked on it: no failure at all."""
    return isinstance(error, Unavailable) and not isinstance(error, TimedOut)


def is_loss(error: HarkenError) -> bool:
    """The instance was lost under it: died, fell silent, got stuck, or was given up."""
    return isinstance(error, ConnectionLost | Silent | Stalled | Cut)


def is_charged(error: HarkenError) -> bool:
    """Its further try is paid from the retry budget.

    Losses are not: each instance can be lost only once with what it holds, so they bound themselves, and what ran on it
    must go on at once. Nor is who was turned away or refused: nothing was worked on.
    """
    return not is_loss(error) and not is_turned_away(error) and not isinstance(error, Refused)


def may_retry(error: HarkenError, tally: Tally, *, attempts: int, is_used: bool) -> bool:
    """Decide whether another attempt is allowed, after `tally` of which `error` is the last.

    Retry only before the first text: afterwards the client has half a sentence, and a second instance would start it
    again.
    """
    return (
        error.retryable
        and not is_used
        and tally.tries < attempts
        and tally.lone_deaths < LONE_DEATHS_MAX
        and tally.shared_deaths < SHARED_DEATHS_MAX
        and tally.refusals < REFUSALS_MAX
    )
