"""Blocks of any rate and any number of channels in, one mono recording at 16 kHz out.

Owns the limits on length and time: both are checked with every block, so that a small file which expands to hours is
stopped after the limit and not after the hours. Memory is proportional to the output: one growing buffer, which becomes
the result without a copy. Channels are averaged; resampling is soxr's HQ (a linear-phase filter, stopband −120 dB),
block by block, with the same result as in one piece. Refuses to know where the blocks come from.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.recording import Audio, DecodeLimits, Source
from harken.clock import Clock
from harken.errors import AudioTooLong, EmptyAudio, TimedOut, UndecodableAudio
from harken.types import SAMPLE_RATE

if TYPE_CHECKING:
    import soxr

LOWEST_RATE: Final = 4_000
HIGHEST_RATE: Final = 768_000
_LOUDEST: Final = float(1 << 31)
"""Float files hold ±1, or, from careless tools, integers up to 32 bits. Beyond that it is no audio in any scale."""


class Assembly:
    """A recording while it grows.

    Args:
        limits: bounds on decoded seconds and on time.
        clock: where the time comes from.
        is_abandoned: asked with every block; true when nobody waits for the result any more.
    """

    def __init__(self, limits: DecodeLimits, clock: Clock, is_abandoned: Callable[[], bool]) -> None:
        self._limits = limits
        self._clock = clock
        self._is_abandoned = is_abandoned
        self._deadline = clock.now() + limits.timeout_s
        self._output = bytearray()
        self._resampler: soxr.ResampleStream | None = None
        self._rate = 0
        self._source_s = 0.0
        self._peak = 0.0

    @property
    def source_s(self) -> float:
        """Seconds that have come in so far."""
        return self._source_s

    def check_time(self) -> None:
        """Stop when it has taken too long, or when the caller has left.

        Raises:
            TimedOut: the time limit is passed.
            concurrent.futures.CancelledError: nobody waits any more.
        """
        if self._is_abandoned():
            raise CancelledError
        if self._clock.now() > self._deadline:
            raise TimedOut(f"Decoding took longer than {self._limits.timeout_s:g} s.")

    def check_length(self, audio_s: float) -> None:
        """Stop at more seconds of audio than are allowed.

        Raises:
            AudioTooLong: the limit is passed.
        """
        if audio_s > self._limits.max_audio_s:
            raise AudioTooLong(
                f"The recording is longer than {self._limits.max_audio_s:g} s, the longest that is accepted."
            )

    def add(self, block: NDArray[np.float32], rate: int) -> None:
        """Append a block.

        Args:
            block: float32 [samples, channels].
            rate: its samples per second; it may change between blocks.

        Raises:
            UndecodableAudio: the rate is absurd, or a sample is no finite number.
            AudioTooLong, TimedOut: a limit is passed.
        """
        self.check_time()
        if rate != self._rate:
            self._change_rate(rate)
        self._source_s += len(block) / rate
        self.check_length(self._source_s)
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        self._append(mono if self._resampler is None else self._resampler.resample_chunk(mono, last=False))

    def finish(self, source: Source) -> Audio:
        """Return the recording.

        A peak above 1 (float files; the overshoot of lossy codecs) divides the whole recording, as the published
        front end does: clipping would distort all of it, and one factor keeps the pieces of a recording alike.

        Raises:
            EmptyAudio: not a single sample came.
        """
        self._flush()
        samples = np.frombuffer(self._output, dtype=np.float32)
        if not len(samples):
            raise EmptyAudio
        if self._peak > 1.0:
            samples /= np.float32(self._peak)
            # The division may round up to the next float above 1.
            np.clip(samples, -1.0, 1.0, out=samples)
        return Audio(samples=samples, source=source)

    def _change_rate(self, rate: int) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UndecodableAudio(f"A sample rate of {rate} Hz is outside of {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
        self._flush()
        self._rate = rate
        if rate != SAMPLE_RATE:
            import soxr  # here and not above: a gateway must start before it needs this

            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def _flush(self) -> None:
        if self._resampler is not None:
            self._append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None

    def _append(self, mono: NDArray[np.float32]) -> None:
        if not len(mono):
            return
        # A NaN or infinity makes the peak NaN or infinite, so one pass finds all three faults. Replacing such
        # samples by 0 would hide a damaged file; whatever the resampler had seen since would be noise as well.
        peak = float(max(mono.max(), -mono.min()))
        if not peak <= _LOUDEST:
            raise UndecodableAudio("The file holds samples that are no finite numbers.")
        self._peak = max(self._peak, peak)
        self._output += mono.tobytes()
