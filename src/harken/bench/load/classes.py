"""Classes of duration: those that recordings have, and recordings made for those that somebody wants. Pure.

Lengths decide what a server does (one segment or many, a slot for a moment or for minutes), so times are told by class.
Without a wish a class is what the simulator calls it: short below 30 s, medium, long from 5 minutes. Wanted classes are
exact lengths: whole recordings of one language in a row with pauses between, so that what is said in them is known
where it was known before. The invariant: a recording made for a class is exactly as long as that; and its text is known
only where it was not cut and the text of every part is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.bench.load.takes import Take
from harken.bench.workload import LONG_S, SHORT_S
from harken.errors import ConfigError
from harken.types import SAMPLE_RATE

SHORT, MEDIUM, LONG = "short", "medium", "long"

_PAUSE = int(0.3 * SAMPLE_RATE)
"""Between two recordings, at least."""

_MOST_S = 4 * 3600.0
_VARIANTS = 16
_VARIANTS_S = 600.0
"""Of each class there are so many recordings, or so many seconds of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedClass:
    """A class that somebody wants.

    Attributes:
        seconds: how long its recordings are.
        share: how many of them are sent, beside the other classes' shares.
    """

    seconds: float
    share: int = 1

    @property
    def name(self) -> str:
        """What it is called in the figures."""
        return f"{self.seconds:g} s"


def class_of(audio_s: float) -> str:
    """The class of a recording where nobody wants others."""
    if audio_s < SHORT_S:
        return SHORT
    return MEDIUM if audio_s < LONG_S else LONG


def read_classes(text: str) -> tuple[WantedClass, ...]:
    """Read "2,10,60", or with shares "2:16,10:3,60:1".

    Raises:
        ConfigError: it is something else.
    """
    found = []
    for part in text.split(","):
        seconds, colon, share = part.partition(":")
        try:
            one = WantedClass(seconds=float(seconds), share=int(share) if colon else 1)
        except ValueError:
            one = WantedClass(seconds=0.0)
        if not 0.1 <= one.seconds <= _MOST_S or not 1 <= one.share <= 1000:
            raise ConfigError(
                f"--classes wants seconds such as 2,10,60, or with shares 2:16,10:3,60:1 (0.1 to {_MOST_S:.0f} s, "
                f"shares 1 to 1000), not {text[:80]!r}."
            )
        found.append(one)
    if len({one.seconds for one in found}) < len(found):
        raise ConfigError(f"--classes names a length twice: {text[:80]!r}.")
    return tuple(found)


def made_for(wanted: WantedClass, takes: Sequence[Take], seed: int) -> list[Take]:
    """Make the recordings of a class out of others.

    Args:
        wanted: the class.
        takes: at least one.
        seed: of what follows what.
    """
    length = round(wanted.seconds * SAMPLE_RATE)
    random = np.random.default_rng((seed, length))
    pools: dict[tuple[str, bool], list[Take]] = {}
    for take in takes:
        pools.setdefault((take.language, take.text is not None), []).append(take)
    groups = [pools[name] for name in sorted(pools)]
    weights = np.array([sum(len(take.samples) for take in group) for group in groups], float)
    count = max(1, min(_VARIANTS, int(_VARIANTS_S / wanted.seconds)))
    chosen = random.choice(len(groups), size=count, p=weights / weights.sum())
    return [_made(wanted.name, length, groups[place], random) for place in chosen]


def _made(kind: str, length: int, pool: Sequence[Take], random: np.random.Generator) -> Take:
    parts = _chosen(length, [pool[place] for place in random.permutation(len(pool))])
    if not parts:  # all are longer: a part of one, in which nobody knows what is said
        take = pool[int(random.integers(len(pool)))]
        return Take(name=take.name, samples=take.samples[:length].copy(), kind=kind, language=take.language)
    texts = [take.text for take in parts]
    return Take(
        name=f"{parts[0].name}+{len(parts) - 1}" if len(parts) > 1 else parts[0].name,
        samples=_spread(length, parts),
        kind=kind,
        text=None if None in texts else " ".join(text for text in texts if text),
        language=parts[0].language,
    )


def _chosen(length: int, pool: list[Take]) -> list[Take]:
    """Take one after the other, going round, as long as one of them fits."""
    found: list[Take] = []
    left, at = length, 0
    while True:
        needs = _PAUSE if found else 0
        fitting = next((step for step in range(len(pool)) if _fits(pool[(at + step) % len(pool)], left - needs)), None)
        if fitting is None:
            return found
        at = (at + fitting) % len(pool)
        found.append(pool[at])
        left -= needs + len(pool[at].samples)
        at += 1


def _fits(take: Take, room: int) -> bool:
    return len(take.samples) <= room


def _spread(length: int, parts: Sequence[Take]) -> NDArray[np.int16]:
    """Put the parts in a row; what is left of the length is divided among the pauses, one of them at the end."""
    samples = np.zeros(length, np.int16)
    pause = (length - sum(len(part.samples) for part in parts)) / len(parts)
    at = 0.0
    for part in parts:
        samples[int(at) : int(at) + len(part.samples)] = part.samples
        at += len(part.samples) + pause
    return samples
