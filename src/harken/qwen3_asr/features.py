"""Log-mel features: what the encoder sees of the sound.

Owns the front end of Whisper with 128 mel bands, as Qwen3-ASR was trained with it (qwen3-asr facts, section 1.4), and
its one rule for batches: a clip's features are those of the clip alone. The floor of the logarithm hangs on the
loudest frame of the clip and the last frames on what lies behind its end, so padding clips together before this
point would change them. It refuses to know devices: features are made on the CPU, in any thread.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harken.errors import UndecodableAudio
from harken.types import SAMPLE_RATE

FFT = 400
"""Samples in one analysis window (25 ms)."""

HOP = 160
"""Samples between two frames (10 ms)."""

MIN_SAMPLES = 8000
"""Shorter clips are padded with zeros to this length (0.5 s)."""


def frames_of(samples: int) -> int:
    """Count the mel frames of a clip of so many samples."""
    return max(samples, MIN_SAMPLES) // HOP


@torch.inference_mode()
def log_mel(samples: NDArray[np.float32], mels: int = 128) -> Tensor:
    """Compute the features of one clip.

    Args:
        samples: [n] float32, mono, 16 kHz, in [-1, 1]; a louder clip is scaled down to that range.
        mels: mel bands.

    Returns:
        [mels, frames_of(n)] float32 on the CPU.

    Raises:
        UndecodableAudio: a sample is infinite or not a number.
    """
    wave = torch.from_numpy(_bounded(samples))
    spectrum = torch.stft(wave, FFT, HOP, window=_hann(), center=True, pad_mode="reflect", return_complex=True)
    # The last frame is centred on the very end of the clip; Whisper drops it.
    power = spectrum[:, :-1].abs().square()
    log = (mel_filters(mels) @ power).clamp(min=1e-10).log10()
    return (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0


def _bounded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a padded, writable copy in [-1, 1]."""
    wave = np.zeros(max(len(samples), MIN_SAMPLES), dtype=np.float32)
    wave[: len(samples)] = samples
    peak = float(np.abs(wave).max())
    if not np.isfinite(peak):
        raise UndecodableAudio("The audio holds samples that are not finite numbers.")
    if peak > 1.0:
        wave /= np.float32(peak)
    return wave


@cache
def _hann() -> Tensor:
    return torch.hann_window(FFT)


@cache
def mel_filters(mels: int) -> Tensor:
    """Build the triangular filters that turn a power spectrum into mel bands.

    The mel scale and the area normalisation are those of Slaney's Auditory Toolbox (1998): linear below 1 kHz,
    logarithmic above, every triangle of area 2 / (upper - lower edge).

    Returns:
        [mels, FFT // 2 + 1] float32.
    """
    top = SAMPLE_RATE / 2
    edges = _hertz(np.linspace(0.0, _mel(top), mels + 2))
    bins = np.linspace(0.0, top, FFT // 2 + 1)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (upper - lower)
    return torch.from_numpy(triangles.astype(np.float32))


_KNEE_HERTZ = 1000.0
_KNEE_MEL = 15.0
_OCTAVES = np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    """Map a frequency above the knee to mels."""
    return float(_KNEE_MEL + np.log(hertz / _KNEE_HERTZ) / _OCTAVES)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE_HERTZ * np.exp(_OCTAVES * (mel - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _KNEE_HERTZ / _KNEE_MEL, above)
