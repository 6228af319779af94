"""What is uploaded: 16-bit WAV at 16 kHz, cut from one long tape of the packaged speech samples.

The tape is a file that the system may page out, so twenty-minute uploads cost no memory. No two recordings share a
piece: the lowest bit of every sample spells the recording's number, so that nothing is ever answered from a cache.
The invariant: the same number, place and length give the same bytes.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harken.audio import decode
from harken.samples import packaged_samples
from harken.types import SAMPLE_RATE

_BITS = 32
_BLOCK_S = 4
_STEP = np.float32(1 / 32768)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tape:
    """The tape.

    Attributes:
        samples: int16, mapped from the file.
        starts: where an utterance begins, in samples; all of them leave room for the longest recording.
    """

    samples: NDArray[np.int16]
    starts: tuple[int, ...]

    def cut(self, place: int, audio_s: float, number: int) -> Recording:
        """A recording that begins with the utterance `place` (any number; it is taken modulo theirs)."""
        start = self.starts[place % len(self.starts)]
        count = round(audio_s * SAMPLE_RATE)
        assert start + count <= len(self.samples), f"{audio_s:.0f} s do not fit behind {start}"
        return Recording(samples=self.samples[start : start + count], number=number)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """A part of the tape with a number of its own."""

    samples: NDArray[np.int16]
    number: int

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def size(self) -> int:
        """Bytes of the WAV file."""
        return 44 + 2 * len(self.samples)

    def wav(self) -> Iterator[bytes]:
        """The file, a few seconds at a time."""
        data = 2 * len(self.samples)
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
        yield struct.pack("<4sI4s", b"RIFF", 36 + data, b"WAVE") + form + struct.pack("<4sI", b"data", data)
        for at in range(0, len(self.samples), _BLOCK_S * SAMPLE_RATE):
            yield self._marked(at, at + _BLOCK_S * SAMPLE_RATE).tobytes()

    def checksum(self) -> int:
        """CRC-32 of the samples as an instance gets them, float32: what a stub says of a segment that is all of it."""
        value = 0
        for at in range(0, len(self.samples), _BLOCK_S * SAMPLE_RATE):
            value = zlib.crc32((self._marked(at, at + _BLOCK_S * SAMPLE_RATE) * _STEP).tobytes(), value)
        return value

    def _marked(self, begin: int, end: int) -> NDArray[np.int16]:
        """The samples of a block whose begin is a multiple of 32."""
        block = self.samples[begin:end]
        bits = (self.number >> np.arange(_BITS)) & 1
        marks = np.resize(bits.astype(np.int16), len(block))
        marked: NDArray[np.int16] = (block & ~np.int16(1)) | marks
        return marked


def make_tape(path: Path, *, seconds: float, longest_s: float, seed: int) -> Tape:
    """Speak the packaged samples one after another, in any order, with pauses as people make them.

    Args:
        path: of the file to write.
        seconds: length of the tape.
        longest_s: the longest recording that will be cut from it.
        seed: of order and pauses.
    """
    rng = random.Random(f"tape/{seed}")
    utterances = _utterances()
    starts, length = [], 0
    with path.open("wb") as file:
        while length < seconds * SAMPLE_RATE:
            if length + longest_s * SAMPLE_RATE < seconds * SAMPLE_RATE:
                starts.append(length)
            pause_s = rng.uniform(0.15, 0.6) if rng.random() < 0.9 else rng.uniform(0.6, 1.8)
            pause = np.zeros(int(pause_s * SAMPLE_RATE), np.int16)
            for part in (rng.choice(utterances), pause):
                file.write(part.tobytes())
                length += len(part)
    samples = np.memmap(path, np.int16, mode="r")
    return Tape(samples=samples, starts=tuple(starts))


def _utterances() -> list[NDArray[np.int16]]:
    found = []
    for sample in sorted(packaged_samples(), key=lambda one: one.path.name):
        samples = decode(sample.path.read_bytes()).samples
        found.append(np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return found
