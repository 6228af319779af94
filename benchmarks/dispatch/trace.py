"""Who comes when, with how much: the same arrivals for every arm and every load.

Pure. Sizes are drawn once; a load only stretches the time between arrivals. The shares of the kinds are kept exactly
and the arrivals fill exactly the time that the load says, so that runs of minutes are comparable although a few long
files are most of the audio. The invariant: same seed and count, same recordings in the same order.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from enum import StrEnum

_SHORT_MEDIAN_S, _SHORT_SIGMA = 5.0, 0.6
_SHORT_RANGE_S = (1.0, 29.5)


class Kind(StrEnum):
    """How long a recording is."""

    SHORT = "short"
    """A clip: lognormal, about 6 s on average, 1 to 30 s."""
    MEDIUM = "medium"
    """0.5 to 3 minutes."""
    LONG = "long"
    """10 to 20 minutes."""


SHARES = {Kind.SHORT: 0.85, Kind.MEDIUM: 0.12, Kind.LONG: 0.03}
LONGEST_S = 1200.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One request to come.

    Attributes:
        number: from 1; also what makes its recording unlike all others.
        at_s: when it shall be sent, in seconds from the begin.
        audio_s: length of its recording.
        kind: of it.
    """

    number: int
    at_s: float
    audio_s: float
    kind: Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """All requests of one run, in order.

    Attributes:
        arrivals: the requests.
        seconds: the time that they fill.
    """

    arrivals: tuple[Arrival, ...]
    seconds: float

    @property
    def audio_s(self) -> float:
        """Of all recordings together."""
        return sum(arrival.audio_s for arrival in self.arrivals)


def make_trace(requests: int, *, audio_s_per_s: float, seed: int) -> Trace:
    """Draw a Poisson process of so many requests that brings this much audio per second.

    Args:
        requests: how many.
        audio_s_per_s: audio-seconds that arrive per second.
        seed: of everything.
    """
    rng = random.Random(f"trace/{seed}")
    sizes = _sizes(requests, rng)
    seconds = sum(audio_s for _, audio_s in sizes) / audio_s_per_s
    # Given how many come in a time, the arrivals of a Poisson process are these gaps, scaled to that time.
    gaps = [rng.expovariate(1.0) for _ in range(requests + 1)]
    times = itertools.accumulate(gaps)
    scale = seconds / sum(gaps)
    arrivals = [
        Arrival(number=number, at_s=at * scale, audio_s=audio_s, kind=kind)
        for number, (at, (kind, audio_s)) in enumerate(zip(times, sizes, strict=False), start=1)
    ]
    return Trace(arrivals=tuple(arrivals), seconds=seconds)


def requests_for(seconds: float, audio_s_per_s: float) -> int:
    """How many requests of the usual mix bring this much audio per second for so long."""
    return max(20, round(seconds * audio_s_per_s / mean_audio_s()))


def mean_audio_s() -> float:
    """Of a large sample of the mix, in seconds."""
    sizes = _sizes(20_000, random.Random("mean"))
    return sum(audio_s for _, audio_s in sizes) / len(sizes)


def _sizes(requests: int, rng: random.Random) -> list[tuple[Kind, float]]:
    medium, long = round(SHARES[Kind.MEDIUM] * requests), round(SHARES[Kind.LONG] * requests)
    kinds = [Kind.MEDIUM] * medium + [Kind.LONG] * long
    kinds += [Kind.SHORT] * (requests - len(kinds))
    rng.shuffle(kinds)
    return [(kind, round(_draw(kind, rng), 2)) for kind in kinds]


def _draw(kind: Kind, rng: random.Random) -> float:
    match kind:
        case Kind.SHORT:
            low, high = _SHORT_RANGE_S
            return min(max(rng.lognormvariate(math.log(_SHORT_MEDIAN_S), _SHORT_SIGMA), low), high)
        case Kind.MEDIUM:
            return rng.uniform(30.0, 180.0)
        case Kind.LONG:
            return rng.uniform(600.0, LONGEST_S)
