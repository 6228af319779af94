"""Invented days of load, each from a seed: for the autoscaler's tests and its table.

`load` of 1 is what one instance does. Recordings come as a Poisson process that follows the day's curve; 85 % are clips
of 2 to 15 s, the others 30 s to 5 min. Invariant: the same seed gives the same day.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from harken.bench.workload import Arrival

HOUR_S = 3600.0

_MEAN_AUDIO_S = 0.85 * 8.5 + 0.15 * 165.0


def draw(load: Callable[[float], float], *, lasts_s: float, pace: float, seed: int = 1) -> tuple[Arrival, ...]:
    """Draw the recordings of a day.

    Args:
        load: by the second of the day, in instances' worth of work; at most 20.
        lasts_s: of the day.
        pace: audio-seconds per second of one instance.
        seed: of all chance.
    """
    chance = Random(seed)
    most = 20.0 * pace / _MEAN_AUDIO_S
    found, at_s = [], 0.0
    while (at_s := at_s + chance.expovariate(most)) < lasts_s:
        # Thinning (Lewis & Shedler 1979): of a process that is too fast, so many are kept.
        if chance.random() < load(at_s) / 20.0:
            audio_s = chance.uniform(2.0, 15.0) if chance.random() < 0.85 else chance.uniform(30.0, 300.0)
            found.append(Arrival(at_s=at_s, audio_s=audio_s))
    return tuple(found)


def office(at_s: float) -> float:
    """A day from midnight: quiet, a peak in the morning and one in the afternoon."""
    hour = at_s / HOUR_S % 24.0
    return 0.1 + 5.0 * math.exp(-(((hour - 10.5) / 1.3) ** 2)) + 4.0 * math.exp(-(((hour - 15.0) / 1.5) ** 2))


def night(at_s: float) -> float:
    """Next to nothing, all the time."""
    del at_s
    return 0.05


def spike(at_s: float) -> float:
    """Little, and ten times as much for five minutes after the first hour."""
    return 6.0 if HOUR_S <= at_s < HOUR_S + 300.0 else 0.6


def ramp(at_s: float) -> float:
    """From nothing to seven instances' worth in three hours, and back in three."""
    return 7.0 * max(0.0, 1.0 - abs(at_s / HOUR_S - 3.0) / 3.0)


def square(period_s: float) -> Callable[[float], float]:
    """Six instances' worth for half of each period, then next to nothing."""
    return lambda at_s: 6.0 if at_s % period_s < period_s / 2.0 else 0.05


def huge_file() -> tuple[Arrival, ...]:
    """One recording of ten hours, and nothing else."""
    return (Arrival(at_s=60.0, audio_s=10 * HOUR_S),)
