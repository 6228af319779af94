"""For how long a server that refused work is left alone. Pure.

Retry-After is believed. A server that says nothing of the kind is asked again soon, and less often each time that it
refuses. Trouble that somebody has to mend, a wrong key or model, is looked into again now and then: nobody tells us
when it is mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harken.dispatch.lines.openai.refusal import Verdict

_FIRST_S = 0.5
_LONGEST_S = 30.0
TROUBLE_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a server has been lately.

    Attributes:
        refusals: in a row without a word on how long.
        full_until: the clock's time until which it wants nothing.
        trouble: what must be mended, "" for nothing.
        trouble_until: the clock's time at which that is looked into again.
    """

    refusals: int = 0
    full_until: float = float("-inf")
    trouble: str = ""
    trouble_until: float = float("-inf")

    def is_full(self, now: float) -> bool:
        """It wants nothing yet."""
        return now < self.full_until

    def full_s(self, now: float) -> float:
        """For how many seconds more; 0 where it may be tried."""
        return max(0.0, self.full_until - now)

    def trouble_at(self, now: float) -> str:
        """What is wrong with it, "" where it may be tried."""
        return self.trouble if now < self.trouble_until else ""

    def after_success(self) -> Standing:
        """It recognised a segment: nothing is wrong with it. What it said about how long it is full still holds."""
        return Standing(full_until=self.full_until)

    def after(self, verdict: Verdict, now: float) -> Standing:
        """Take a verdict into account; `now` is the clock's time in seconds."""
        if verdict.trouble:
            return replace(self, trouble=verdict.trouble, trouble_until=now + TROUBLE_S)
        if verdict.full_s == 0:
            return self
        if verdict.full_s > 0:
            return replace(self, full_until=max(self.full_until, now + verdict.full_s))
        wait_s = min(_FIRST_S * 2.0 ** min(self.refusals, 16), _LONGEST_S)
        # Of segments that were refused together only the first one counts.
        refusals = self.refusals if self.is_full(now) else self.refusals + 1
        return replace(self, refusals=refusals, full_until=max(self.full_until, now + wait_s))
