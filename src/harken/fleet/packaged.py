"""The recordings of spoken digits that come with this package, decoded: a sample for when nobody sends anything.

Effects: it reads files and decodes them, which takes a moment and belongs into a thread. What is said in them is known;
that a given model knows English and Mandarin digits is for its caller to judge. The invariant: both languages and all
lengths come early, so a short sample is a varied one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.audio import decode
from harken.samples import Sample, packaged_samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Packaged:
    """One recording.

    Attributes:
        samples: float32 [n], mono, 16 kHz.
        text: what is said.
        language: in which.
    """

    samples: NDArray[np.float32]
    text: str
    language: str


def read_packaged(count: int) -> tuple[Packaged, ...]:
    """Decode so many of them, or all there are; the languages in turn."""
    by_language: dict[str, list[Sample]] = {}
    for sample in packaged_samples():
        by_language.setdefault(sample.language, []).append(sample)
    in_turn = (one for turn in itertools.zip_longest(*by_language.values()) for one in turn if one is not None)
    return tuple(
        Packaged(samples=decode(one.path.read_bytes()).samples, text=one.text, language=one.language)
        for one in itertools.islice(in_turn, max(0, count))
    )
