"""Log-mel features: what the encoder sees of the sound.

Owns the front end of Whisper with 128 mel bands, as Qwen3-ASR was trained with it (qwen3-asr facts, section 1.4), for
many clips in one pass and where the network computes. It refuses to know samples that are not a `Clip`.

The invariant: a clip's features are those of the clip alone. The floor of the logarithm hangs on the loudest frame of
the clip itself. And since a matrix product may add in another order where there are more rows, on a CPU frames are
multiplied in blocks that begin and end with the windows of their own clip: neither other clips nor what follows a
window change a bit of it. On a GPU blocks run over all clips, and what is equal is equal within rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harken.qwen3_asr.clip import FFT, HOP, Clip
from harken.types import SAMPLE_RATE

_GPU_BLOCK = 16_384
"""Frames that a GPU transforms at once: bounds what lies between (about 0.1 GB)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What the encoder sees of some clips.

    Attributes:
        clips: [mels, frames] float32 each.
        peaks: [clips] float32, the loudest value of each before its floor was made of it.
    """

    clips: list[Tensor]
    peaks: Tensor


@torch.inference_mode()
def log_mel(clips: Sequence[Clip], *, mels: int, window_frames: int, device: torch.device) -> Features:
    """Compute the features of clips.

    Args:
        clips: one or more.
        mels: mel bands.
        window_frames: frames of a full window of the encoder.
        device: where to compute.

    Returns:
        Their features, on the device.
    """
    wave = torch.from_numpy(np.concatenate([clip.samples for clip in clips])).to(device)
    frames = wave.unfold(0, FFT, HOP)
    log = torch.empty(mels, len(frames), device=device)
    for rows in _blocks(clips, len(frames), window_frames if device.type == "cpu" else None):
        log[:, rows] = _log_power(frames[rows], mels)
    own = [log[:, start : start + clip.frames] for start, clip in _placed(clips)]
    peaks = torch.stack([part.amax() for part in own])
    return Features(clips=[_floored(part, peak) for part, peak in zip(own, peaks, strict=True)], peaks=peaks)


def _placed(clips: Sequence[Clip]) -> Iterator[tuple[int, Clip]]:
    """Each clip with the row of its first frame."""
    return zip(accumulate((clip.rows for clip in clips), initial=0), clips, strict=False)


def _blocks(clips: Sequence[Clip], rows: int, window_frames: int | None) -> Iterator[slice]:
    """What is transformed at once: every window of every clip for itself, or all rows in large pieces."""
    if window_frames is None:
        yield from (slice(start, min(start + _GPU_BLOCK, rows)) for start in range(0, rows, _GPU_BLOCK))
        return
    for first, clip in _placed(clips):
        for start in range(0, clip.frames, window_frames):
            yield slice(first + start, first + min(start + window_frames, clip.frames))


def _log_power(frames: Tensor, mels: int) -> Tensor:
    """Logarithm of the power in each band, [mels, n], of frames, [n, FFT]."""
    spectrum = torch.fft.rfft(frames * _hann(frames.device))
    power = spectrum.real.square() + spectrum.imag.square()
    bands: Tensor = _filters(mels, frames.device) @ power.T
    return bands.clamp_(min=1e-10).log10_()


def _floored(log: Tensor, peak: Tensor) -> Tensor:
    """What is more than 80 dB under the loudest of the clip is lost in the floor."""
    return (torch.maximum(log, peak - 8.0) + 4.0) / 4.0


@cache
def _hann(device: torch.device) -> Tensor:
    return torch.hann_window(FFT, device=device)


@cache
def _filters(mels: int, device: torch.device) -> Tensor:
    return mel_filters(mels).to(device)


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
