"""Recordings that spell words, and the ear for them: each word is a stretch of one loudness with quiet behind it.

Wherever such a recording is cut in its quiet places, the parts spell the parts of the text; so a test can say of any
way of cutting and repairing what the right text and the right times are. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE, Word

WORD_S = 0.3
"""Seconds of a word with the quiet behind it."""

_SOUND = 3200
_QUIET = 1600
_STEP = 1 / 64

WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "oh", "yes", "no", "left", "right", "up", "down",
)  # fmt: skip
"""What can be spelled."""


def spell(words: Sequence[str]) -> NDArray[np.float32]:
    """Return float32 [n] at 16 kHz that spells the words, `WORD_S` each."""
    parts = [np.zeros(0, np.float32)]
    for word in words:
        parts += [np.full(_SOUND, (WORDS.index(word) + 1) * _STEP, np.float32), np.zeros(_QUIET, np.float32)]
    return np.concatenate(parts)


def hear(samples: NDArray[np.float32]) -> tuple[Word, ...]:
    """Return the words that are spelled, with their times; a word that was cut in two is heard in both parts."""
    levels = np.concatenate(([0.0], samples, [0.0]))
    edges = np.flatnonzero(levels[1:] != levels[:-1])
    heard: list[Word] = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        index = round(float(samples[start]) / _STEP) - 1
        if index >= 0:
            heard.append(Word(text=WORDS[index], start_s=start / SAMPLE_RATE, end_s=end / SAMPLE_RATE))
    return tuple(heard)
