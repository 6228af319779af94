"""The two stages of training as data: how long, how fast, on what.

The first learns to hear and to write strings that grow from 2 digits to half a minute; the second, with
two more decoder layers, learns to keep its place in the long ones. Pure: nothing here trains.
"""

import math
from dataclasses import dataclass, replace

from training.script import Limits


def first_curriculum(groups: int) -> tuple[Limits, ...]:
    """Limits of each group: 2 to 10 digits first, then a growing share of ever longer strings."""
    limits = []
    for group in range(groups):
        part = group / groups
        short = min(10, 2 + int(part / 0.16 * 8))
        if part < 0.24:
            limits.append(Limits(short_digits=short, long_digits=10, max_s=12.0, long_share=0.0))
            continue
        growth = min(1.0, (part - 0.24) / 0.12)
        limits.append(
            Limits(short_digits=10, long_digits=int(20 + 50 * growth), max_s=12 + 18 * growth, long_share=0.35)
        )
    return tuple(limits)


_LONG = Limits(short_digits=10, long_digits=70, max_s=30.0, long_share=0.35)
_LONG_WITH_PAUSES = replace(_LONG, pause_share=0.2, run_share=0.06)
SECOND_LIMITS = (_LONG,) * 291 + (_LONG_WITH_PAUSES,)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage: where its learning rate comes from, when it ends, what it trains on."""

    name: str
    last_step: int
    planned_steps: int
    peak: float
    flat_until: float
    limits: tuple[Limits, ...]
    seed_offset: int = 0
    warmup: int = 300
    last: float = 0.015

    def rate(self, step: int) -> float:
        """Warm up, stay, then fall along a cosine to `last` of the peak at the planned end."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        progress = max(0.0, (step / self.planned_steps - self.flat_until) / (1 - self.flat_until))
        return self.peak * (self.last + (1 - self.last) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))

    def head_weight(self, step: int) -> float:
        """1, then a third in the last fifth, when only the transcript should matter."""
        return 1.0 if step < 0.8 * self.planned_steps else 0.33


FIRST = Stage(
    name="first", last_step=9000, planned_steps=34000, peak=1.5e-3, flat_until=0.5, limits=first_curriculum(2600)
)
SECOND = Stage(
    name="second", last_step=16000, planned_steps=16000, peak=1.3e-3, flat_until=0.4, limits=SECOND_LIMITS,
    seed_offset=1,
)  # fmt: skip
