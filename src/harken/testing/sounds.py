"""Samples to feed recognisers with: float32 mono at 16 kHz in [-1, 1], the same for the same arguments everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE, Segment


def silence(seconds: float) -> NDArray[np.float32]:
    """Digital silence, float32 [seconds * 16,000]."""
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


def tone(seconds: float, *, hz: float = 440.0, level: float = 0.3) -> NDArray[np.float32]:
    """A sine, float32 [seconds * 16,000]."""
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def speech_like(seconds: float, *, seed: int = 0) -> NDArray[np.float32]:
    """Bursts of a buzzing voice with pauses between them, float32 [seconds * 16,000].

    A voiced syllable is a sum of harmonics whose level falls with their number; four syllables a second, each louder in
    its middle, with a little noise over everything. No recogniser should read words in it, but level, pauses and
    spectrum are roughly those of speech.
    """
    chance = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    at = np.arange(count) / SAMPLE_RATE
    pitch = chance.uniform(90, 220)
    harmonics = np.arange(1, 20)
    phases = chance.uniform(0, 2 * np.pi, size=len(harmonics))
    voice = np.zeros(count)
    for harmonic, phase in zip(harmonics, phases, strict=True):
        voice += np.sin(2 * np.pi * pitch * harmonic * at + phase) / harmonic
    syllables = np.clip(np.sin(2 * np.pi * 2 * at + chance.uniform(0, np.pi)), 0, None) ** 0.5
    noise = chance.normal(0, 0.003, size=count)
    return np.clip(0.15 * voice * syllables + noise, -1, 1).astype(np.float32)


def segment(seconds: float = 1.0, *, seed: int = 0, request_id: str = "req", index: int = 0) -> Segment:
    """A segment of `speech_like` samples; another seed is another recording."""
    return Segment(samples=speech_like(seconds, seed=seed), request_id=request_id, index=index)
