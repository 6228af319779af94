"""What comes: recordings with their arrival times, drawn from a mix of lengths.

Pure but for the seeded generator. Arrivals are a Poisson process (nobody waits for anybody else's answer: an open
loop), and a load is a part of what the fleet could do at best. Invariant: the same mix, seed and rate give the same
arrivals, so every arm of a comparison gets the same work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harken.types import Priority

Floats = NDArray[np.float64]

SHORT_S = 30.0
"""Recordings below are short clips: they fit one segment."""

LONG_S = 300.0
"""Recordings from here on are long files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A recording that is sent.

    Attributes:
        at_s: when, in seconds from the beginning.
        audio_s: how long it is.
        key: whose it is.
        priority: its class.
    """

    at_s: float
    audio_s: float
    key: str = ""
    priority: Priority = Priority.INTERACTIVE


class Workload(Protocol):
    """A finite stream of arrivals in the order of their times; it can be gone through again."""

    def __iter__(self) -> Iterator[Arrival]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One kind of recording.

    Attributes:
        share: its part of all recordings.
        low_s: the shortest.
        high_s: the longest.
        median_s: of a log-normal distribution that is cut to that range; None: evenly distributed over it.
        sigma: of the logarithm.
    """

    share: float
    low_s: float
    high_s: float
    median_s: float | None = None
    sigma: float = 0.6

    def draw(self, random: np.random.Generator, count: int) -> Floats:
        """Draw lengths, in seconds."""
        if self.median_s is None:
            return random.uniform(self.low_s, self.high_s, count)
        drawn = random.lognormal(np.log(self.median_s), self.sigma, count)
        return np.clip(drawn, self.low_s, np.nextafter(self.high_s, 0.0))


MIX: tuple[Part, ...] = (
    Part(share=0.85, low_s=1.0, high_s=SHORT_S, median_s=5.0),
    Part(share=0.12, low_s=30.0, high_s=180.0),
    Part(share=0.03, low_s=600.0, high_s=1200.0),
)
"""Utterances of six seconds on average, some voice messages, few meetings: half of the audio is in the long files."""


class Drawn:
    """Arrivals drawn from a mix.

    Args:
        parts: the mix.
        count: recordings.
        audio_s_per_s: audio-seconds that come per second, on average.
        seed: of all chance in it.
    """

    def __init__(self, parts: Sequence[Part] = MIX, *, count: int, audio_s_per_s: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        shares = np.array([part.share for part in parts])
        kinds = random.choice(len(parts), size=count, p=shares / shares.sum())
        self._audio_s = np.empty(count)
        for kind, part in enumerate(parts):
            chosen = kinds == kind
            self._audio_s[chosen] = part.draw(random, int(chosen.sum()))
        rate = audio_s_per_s / float(self._audio_s.mean())
        self._at_s = np.cumsum(random.exponential(1.0 / rate, count))

    def __iter__(self) -> Iterator[Arrival]:
        for at_s, audio_s in zip(self._at_s.tolist(), self._audio_s.tolist(), strict=True):
            yield Arrival(at_s=at_s, audio_s=audio_s)

    def __len__(self) -> int:
        return len(self._at_s)

    @property
    def last_s(self) -> float:
        """When the last one arrives."""
        return float(self._at_s[-1])
