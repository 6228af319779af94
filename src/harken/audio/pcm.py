"""Bare samples as they come from a microphone or a telephone: bytes in, float32 at 16 kHz out, packet by packet.

Owns what the bytes mean: PCM of 16 bits, little-endian, or G.711 as ITU-T wrote it down. Mixing and resampling are
those of files, so the same samples in a WAV file become the same segment. It knows nothing of sockets. The invariant:
how the bytes are cut into packets changes nothing; a sample that is cut in two waits for its other half.
"""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.mixing import Mixer
from harken.audio.recording import Block, Source
from harken.errors import UnsupportedOption

RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Samples per second that sound cards and codecs have."""


class Encoding(StrEnum):
    """What the bytes are."""

    PCM16 = "pcm16"
    """Two bytes for a sample, the lower one first."""
    ULAW = "g711_ulaw"
    """G.711 as in North America and Japan, one byte for a sample, 8 kHz."""
    ALAW = "g711_alaw"
    """G.711 as elsewhere."""


class PcmStream:
    """One stream of samples.

    Args:
        encoding: a name of `Encoding`.
        sample_rate: samples per second; None for what is usual: 8,000 for G.711, 16,000 for PCM.

    Raises:
        UnsupportedOption: an encoding that is not known, or a rate that goes with it badly.
    """

    def __init__(self, encoding: str = Encoding.PCM16, sample_rate: int | None = None) -> None:
        try:
            self.encoding = Encoding(encoding)
        except ValueError:
            known = ", ".join(Encoding)
            raise UnsupportedOption(
                f"encoding must be one of {known}, not {encoding[:40]!r}.", field="encoding"
            ) from None
        is_pcm = self.encoding is Encoding.PCM16
        self.sample_rate = sample_rate or (16_000 if is_pcm else 8_000)
        if self.sample_rate not in (RATES if is_pcm else RATES[:1]):
            rates = ", ".join(map(str, RATES if is_pcm else RATES[:1]))
            raise UnsupportedOption(
                f"{self.encoding} has a sample_rate of {rates}, not {self.sample_rate}.", field="sample_rate"
            )
        self._source = Source(container="", codec=self.encoding, sample_rate=self.sample_rate, channels=1)
        self._mixer = Mixer(math.inf)
        self._half = b""

    def feed(self, data: bytes) -> NDArray[np.float32]:
        """Take a packet; returns float32 [n ≥ 0], mono, 16 kHz; resampling may overshoot ±1, as it does with files."""
        samples = self._decode(data)
        if not len(samples):
            return np.zeros(0, np.float32)
        return self._mixer.feed(Block(samples=samples[:, None], source=self._source))

    def finish(self) -> NDArray[np.float32]:
        """Return what resampling still holds; half a sample at the end is dropped."""
        self._half = b""
        return self._mixer.finish()

    def _decode(self, data: bytes) -> NDArray[np.float32]:
        if self.encoding is not Encoding.PCM16:
            table = _ulaw() if self.encoding is Encoding.ULAW else _alaw()
            return table[np.frombuffer(data, np.uint8)]
        data = self._half + data
        whole = len(data) // 2 * 2
        self._half = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(32_768)


@cache
def _ulaw() -> NDArray[np.float32]:
    """The 256 values of G.711 µ-law, float32 in (-1, 1)."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32_768).astype(np.float32)


@cache
def _alaw() -> NDArray[np.float32]:
    """The 256 values of G.711 A-law, float32 in (-1, 1)."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / 32_768).astype(np.float32)
