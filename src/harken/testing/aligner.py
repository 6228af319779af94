"""`FakeAligner`: an aligner for tests of what stands around one, without torch and without hearing anything.

Each word takes as long as every other. It notes its batches, can stand in front of a gate, and can be told to fail on
texts; like a real network it then fails the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.testing.gate import Gate
from harken.types import SAMPLE_RATE, AlignerInfo, Word

_INFO = AlignerInfo(name="fake-aligner", revision="1", languages=("Chinese", "English"))


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeAligned:
    """A text that is timed."""

    text: str
    words: tuple[Word, ...]
    agreement: float


def fake_words(text: str, audio_s: float) -> tuple[Word, ...]:
    """What a FakeAligner says of a text."""
    words = text.split()
    step_s = audio_s / max(len(words), 1)
    return tuple(Word(text=word, start_s=i * step_s, end_s=(i + 1) * step_s) for i, word in enumerate(words))


@dataclass(kw_only=True, slots=True)
class FakeAligner:
    """Implements `harken.engine.aligner.Aligner`.

    Attributes:
        info: what it says of itself.
        max_segment_s: the longest segment that it promises to take.
        agreement: what it says of its own answers.
        gate: each pass waits in front of it.
        is_broken_by: tells the texts that make a pass raise a RuntimeError.
        is_unreadable: tells the texts that make preparing them raise a RuntimeError.
        batches: the texts of each pass so far.
    """

    info: AlignerInfo = _INFO
    max_segment_s: float = 30.0
    agreement: float = 1.0
    gate: Gate | None = None
    is_broken_by: Callable[[str], bool] = lambda _: False
    is_unreadable: Callable[[str], bool] = lambda _: False
    batches: list[list[str]] = field(default_factory=list)

    def prompt(self, samples: NDArray[np.float32], text: str, language: str = "") -> FakeAligned | None:
        """Time the words at once; `align` only hands them out."""
        if self.is_unreadable(text):
            raise RuntimeError(f"cannot read {text!r}")
        words = fake_words(text, len(samples) / SAMPLE_RATE)
        return FakeAligned(text=text, words=words, agreement=self.agreement) if words else None

    def align(self, prompts: Sequence[FakeAligned]) -> Sequence[FakeAligned]:
        """One pass."""
        self.batches.append([prompt.text for prompt in prompts])
        if self.gate is not None:
            self.gate.pass_through()
        if any(self.is_broken_by(prompt.text) for prompt in prompts):
            raise RuntimeError("the pass failed")
        return prompts
