"""Whom a simulated day compares the autoscaler with: always the same count, and the deployment guide's rule.

Pure. The guide's script leaves much out, so it is given the benefit of the doubt: a look each minute, the share of all
instances' work in place of the CPU's (on a GPU the CPU would say nothing), and instances that leave without harm.
"""

from __future__ import annotations

from typing import Final, Protocol

from harken.config import AutoscaleConfig
from harken.fleet.decision import Decision
from harken.fleet.sample import Sample

_GUIDE_INTERVAL_S: Final = 60.0


class Decider(Protocol):
    """Whoever says how many instances there should be: `Autoscaler`, or a rival."""

    def decide(self, sample: Sample) -> Decision:
        """Take in a sample and return the count."""
        ...


class Always:
    """So many, whatever comes.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def decide(self, sample: Sample) -> Decision:
        """Return the count."""
        return Decision(wanted=self._count, reason=f"Always {self._count}.")


class GuideRule:
    """Above 80 % CPU one more, at most `max`; below one less, at least `min`.

    Args:
        config: the limits and the share.
    """

    def __init__(self, config: AutoscaleConfig) -> None:
        self._config = config
        self._due_at = _GUIDE_INTERVAL_S

    def decide(self, sample: Sample) -> Decision:
        """Return one more or one less, once a minute."""
        if sample.now < self._due_at:
            return Decision(wanted=sample.wanted, reason="It is not time to look yet.")
        self._due_at = sample.now + _GUIDE_INTERVAL_S
        least, share = max(self._config.min, 1), sample.cpu_share or 0.0  # the guide has no way back from nothing
        is_over = share > self._config.cpu_share
        count = min(max(sample.wanted + (1 if is_over else -1), least), self._config.max)
        reason = f"The CPU is at {share:.0%}, {'above' if is_over else 'not above'} {self._config.cpu_share:.0%}."
        return Decision(wanted=count, reason=reason)
