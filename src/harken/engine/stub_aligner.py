"""`StubAligner`: words at even distances over the segment, for tests of everything around words.

It hears nothing. Its words, their order and their bounds are those of a real aligner; it knows the languages of the
published one. No torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.qwen3_asr.word_times import place_words
from harken.qwen3_asr.words import ALIGNED_LANGUAGES, split_words
from harken.types import SAMPLE_RATE, AlignerInfo, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class StubAligned:
    """The words of one segment."""

    words: tuple[Word, ...]
    agreement: float = 1.0


class StubAligner:
    """Implements `harken.engine.aligner.Aligner`."""

    info = AlignerInfo(name="stub-aligner", revision="stub", languages=ALIGNED_LANGUAGES)
    max_segment_s = float("inf")

    def prompt(self, samples: NDArray[np.float32], text: str, language: str = "") -> StubAligned | None:
        """Spread the words; that is all there is to do."""
        texts = [unit.text for unit in split_words(text, language)]
        end_ms = len(samples) * 1000 // SAMPLE_RATE
        edges = [end_ms * number // len(texts) for number in range(len(texts) + 1)] if texts else []
        times_ms = [time for span in itertools.pairwise(edges) for time in span]
        return StubAligned(words=place_words(texts, times_ms, end_ms)) if texts else None

    def align(self, prompts: Sequence[StubAligned]) -> Sequence[StubAligned]:
        """Return what is ready."""
        return prompts
