"""`Clip`: a segment's sound as the front end takes it.

Owns what is decided from the samples alone: that they are finite numbers in [-1, 1], that there is half a second of
them, and what lies beyond both ends, where the first and the last frames look: the clip itself, mirrored. numpy only,
so that any thread may do it beside the one that owns the model. The invariant: every frame of a clip is cut from its
own samples; clips laid one behind the other stay strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

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
        digests: name what the frames of each full window of the encoder are cut from; none where nobody will ask.
    """

    samples: NDArray[np.float32]
    digests: tuple[bytes, ...] = ()

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


def make_clip(samples: NDArray[np.float32], *, window_frames: int = 0) -> Clip:
    """Check, scale, pad and mirror.

    Args:
        samples: [n] float32, mono, 16 kHz, in [-1, 1]; a louder clip is scaled down to that range.
        window_frames: frames of a full window of the encoder, where its digests are wanted.

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
    frames = frames_of(length)
    digests = _digests(wave, frames, window_frames) if window_frames else ()
    return Clip(samples=wave[: (frames + _OVERHANG) * HOP], digests=digests)


def _digests(wave: NDArray[np.float32], frames: int, window_frames: int) -> tuple[bytes, ...]:
    """Name every full window by the samples from the beginning of its first frame to the end of its last."""
    reach = (window_frames - 1) * HOP + FFT
    starts = range(0, (frames // window_frames) * window_frames * HOP, window_frames * HOP)
    return tuple(blake2b(wave[start : start + reach].data, digest_size=32).digest() for start in starts)
