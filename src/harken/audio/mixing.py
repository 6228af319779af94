"""Blocks of any rate and any number of channels in, mono samples at 16 kHz out, block by block.

Owns the limit on length, which is checked with every block, so that a small file which expands to hours is stopped
after the limit and not after the hours. Channels are averaged; resampling is soxr's HQ (a linear-phase filter, stopband
−120 dB), with the same result as in one piece. Holds nothing but the resampler's few samples, and refuses to know where
the blocks come from. The invariant: what comes out is finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.recording import Block, Source
from harken.errors import AudioTooLong, UndecodableAudio
from harken.types import SAMPLE_RATE

if TYPE_CHECKING:
    import soxr

LOWEST_RATE: Final = 4_000
HIGHEST_RATE: Final = 768_000
_LOUDEST: Final = float(1 << 31)
"""Float files hold ±1, or, from careless tools, integers up to 32 bits. Beyond that it is no audio in any scale."""


def check_length(audio_s: float, max_audio_s: float) -> None:
    """Stop at more seconds of audio than are allowed.

    Raises:
        AudioTooLong: the limit is passed.
    """
    if audio_s > max_audio_s:
        raise AudioTooLong(f"The recording is longer than {max_audio_s:g} s, the longest that is accepted.")


class Mixer:
    """A recording on its way through.

    Args:
        max_audio_s: the longest that is let through, in seconds.
    """

    def __init__(self, max_audio_s: float) -> None:
        self._max_audio_s = max_audio_s
        self._resampler: soxr.ResampleStream | None = None
        self._rate = 0
        self._earlier_s = 0.0
        self._samples = 0
        self.source: Source | None = None
        """What the first block was decoded from; None before it came."""

    @property
    def source_s(self) -> float:
        """Seconds that have come in so far."""
        # Samples are counted and not seconds added up: twelve hours have a million blocks.
        return self._earlier_s + (self._samples / self._rate if self._rate else 0.0)

    def feed(self, block: Block) -> NDArray[np.float32]:
        """Take a block; returns float32 [n ≥ 0] mono at 16 kHz, which may be a view of the block.

        Raises:
            UndecodableAudio: the rate is absurd, or a sample is no finite number.
            AudioTooLong: the limit is passed.
        """
        self.source = self.source or block.source
        rest = self._change_rate(block.source.sample_rate)
        self._samples += len(block.samples)
        check_length(self.source_s, self._max_audio_s)
        samples = block.samples
        mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=False)
        return _finite(mono if not len(rest) else np.concatenate([rest, mono]))

    def finish(self) -> NDArray[np.float32]:
        """Return what the resampler still holds, float32 [n ≥ 0]."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        self._resampler = None
        return _finite(rest)

    def _change_rate(self, rate: int) -> NDArray[np.float32]:
        """Get ready for blocks of this rate; returns what is left of the rate before."""
        if rate == self._rate:
            return np.zeros(0, np.float32)
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UndecodableAudio(f"A sample rate of {rate} Hz is outside of {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
        rest = self.finish()
        self._earlier_s, self._samples, self._rate = self.source_s, 0, rate
        if rate != SAMPLE_RATE:
            import soxr  # here and not above: a gateway must start before it needs this

            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        return rest


def _finite(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    # A NaN or infinity makes the peak NaN or infinite. Replacing such samples by 0 would hide a damaged file; whatever
    # the resampler had seen since would be noise as well.
    if len(mono) and not peak_of(mono) <= _LOUDEST:
        raise UndecodableAudio("The file holds samples that are no finite numbers.")
    return mono


def peak_of(samples: NDArray[np.float32]) -> float:
    """Return the largest absolute value of float32 [n]; 0 for none, NaN where one of them is."""
    return float(max(samples.max(), -samples.min())) if len(samples) else 0.0


def within_one(samples: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Divide by a peak above 1, in place.

    Float files hold more than ±1, and so does what lossy codecs overshoot. The published front end divides as well:
    clipping would distort all of it.
    """
    if peak > 1.0:
        samples /= np.float32(peak)
        # The division may round up to the next float above 1.
        np.clip(samples, -1.0, 1.0, out=samples)
    return samples
