"""The recordings of spoken digits that come with this package, decoded: a sample for when nobody sends anything.

Effects: it reads files and decodes them, which takes a moment and belongs into a thread. What is said in them is known;
that a given model knows English and Mandarin digits is for its caller to judge. The invariant: both languages and all
lengths come early, so a short sample is a varied one.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from harken.audio import decode


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
    folder = files("harken") / "samples"
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    by_language: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_language.setdefault(row["language"], []).append(row)
    in_turn = (row for turn in itertools.zip_longest(*by_language.values()) for row in turn if row is not None)
    return tuple(
        Packaged(
            samples=decode((folder / row["file"]).read_bytes()).samples, text=row["text"], language=row["language"]
        )
        for row in itertools.islice(in_turn, max(0, count))
    )
