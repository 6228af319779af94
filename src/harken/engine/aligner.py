"""What the engine asks of a forced aligner, and all that it knows of one.

The engine never looks inside a prompt. The invariant that an aligner owes: the times of one segment's words depend on
that segment's samples and text alone, not on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harken.types import AlignerInfo, Word


class Aligned(Protocol):
    """The words of one segment."""

    @property
    def words(self) -> tuple[Word, ...]:
        """In order, never overlapping, within the segment."""
        ...

    @property
    def agreement(self) -> float:
        """Share of its answers, 0 to 1, that can be true: within the segment, none contradicting another."""
        ...


class Aligner(Protocol):
    """Finds out when the words of a known text are spoken; all its methods are called by one thread."""

    @property
    def info(self) -> AlignerInfo:
        """Its name, revision and languages."""
        ...

    @property
    def max_segment_s(self) -> float:
        """The longest segment that it aligns well, in seconds."""
        ...

    def prompt(self, samples: NDArray[np.float32], text: str, language: str = "") -> Any | None:
        """Make samples (float32 [n], 16 kHz) and what is said in them into a prompt; None where there is no word."""
        ...

    def align(self, prompts: Sequence[Any]) -> Sequence[Aligned]:
        """Time the words of several segments in one pass."""
        ...
