"""`Clip`: a segment's sound as the front end takes it.

Owns what is decided from the samples alone: that they are finite numbers in [-1, 1], that there is half a second of
them, and what lies beyond both ends, where the first and the last frames look: the clip itself, mirrored. numpy only,
so that any thread may do it beside the one that owns the model. The invariant: every frame of a clip is cut from its
own samples; clips laid one behind the other stay strangers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.errors import UndecodableAudio

FFT = 400
"""Samples in one analysis window (25 ms)."""

HOP = 160
"""Samples between two frames (10 ms)."""

MIN_SAMPLES = 8000
"""Shorter clips are padded with zeros to this length (0.5 s)."""

_OVERHANG = 2
"""Hops that the last frame reaches into behind its own: FFT - HOP samples, rounded up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One clip, mirrored at its ends.

    Attributes:
        samples: [(frames + 2) * HOP] float32; frame i is cut from the FFT samples that begin at i * HOP.
    """

    samples: NDArray[np.float32]

    @property
    def rows(self) -> int:
        """Hops that it takes where clips lie one behind the other; the last ones begin no frame of its own."""
        return len(self.samples) // HOP

    @property
    def frames(self) -> int:
        """Mel frames."""
        return self.rows - _OVERHANG


def frames_of(samples: int) -> int:
    """Count the mel frames of a clip of so many samples."""
    return max(samples, MIN_SAMPLES) // HOP


def make_clip(samples: NDArray[np.float32]) -> Clip:
    """Check, scale, pad and mirror.

    Args:
        samples: [n] float32, mono, 16 kHz, in [-1, 1]; a louder clip is scaled down to that range.

    Raises:
        UndecodableAudio: a sample is infinite or not a number.
    """
    # Frame i is centred on sample i * HOP, so the first and the last look over the ends. One more would be centred on
    # the very end: Whisper drops it.
    margin = FFT // 2
    length = max(len(samples), MIN_SAMPLES)
    wave = np.zeros(margin + length + margin, dtype=np.float32)
    inner = wave[margin : margin + length]
    inner[: len(samples)] = samples
    peak = float(np.abs(inner).max())
    if not np.isfinite(peak):
        raise UndecodableAudio("The audio holds samples that are not finite numbers.")
    if peak > 1.0:
        inner /= np.float32(peak)
    wave[:margin] = inner[margin:0:-1]
    wave[margin + length :] = inner[-2 : -margin - 2 : -1]
    return Clip(samples=wave[: (frames_of(length) + _OVERHANG) * HOP])
