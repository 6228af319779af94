"""What decoding takes and gives: limits, blocks, a whole recording, and a few words on where it came from.

Plain data only. The invariant: `Audio.samples` is mono float32 at 16 kHz, finite, within [-1, 1] and never empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What was uploaded, for logs and for `verbose` answers; nothing is decided by it.

    Attributes:
        container: name of the file format, for example "wav", "ogg", "mp4".
        codec: the decoder's name for the coding, for example "PCM_16", "OPUS", "aac".
        sample_rate: samples per second before resampling (of the first block, where it changes on the way).
        channels: channels before they were averaged.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Some samples out of a decoder.

    Attributes:
        samples: float32 [n, channels]; valid until the decoder is asked for the next block.
        source: what they were decoded from, at which rate.
    """

    samples: NDArray[np.float32]
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """A decoded recording.

    Attributes:
        samples: float32 [n], n ≥ 1, mono, 16 kHz, finite, in [-1, 1].
        source: what it was decoded from.
    """

    samples: NDArray[np.float32]
    source: Source

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeLimits:
    """The bounds that hold while a recording is decoded, not only afterwards.

    Attributes:
        max_bytes: the largest file, in bytes as uploaded.
        max_audio_s: the longest recording, in decoded seconds.
        timeout_s: the longest that decoding may take, in seconds of wall clock; waiting is not counted, and each
            second of audio that came out allows a tenth of a second more.
    """

    max_bytes: int = 100 * 1024 * 1024
    max_audio_s: float = 3600.0
    timeout_s: float = 120.0
