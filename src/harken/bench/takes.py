"""What a load test sends: recordings, each time a little other than any that was sent before.

A server that recognised the same samples before answers from its cache, and a benchmark of that measures nothing. So
each upload is a 16-bit WAV file whose lowest bits spell a number: nobody hears it, and no piece or window of it equals
that of another number. The invariant: the same take and number give the same bytes; any other number no equal piece.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harken.audio import decode
from harken.samples import packaged_samples
from harken.types import SAMPLE_RATE

_BITS = 32


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Take:
    """One recording to send.

    Attributes:
        name: of its file.
        data: the file as it is.
        samples: int16, 16 kHz, mono.
        text: what is said in it; None where nobody knows.
        language: in which language; "" where nobody knows.
    """

    name: str
    data: bytes
    samples: NDArray[np.int16]
    text: str | None = None
    language: str = ""

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    def wav(self, number: int) -> bytes:
        """The recording as a WAV file with a number of its own, taken modulo 2**32."""
        bits = ((number >> np.arange(_BITS)) & 1).astype(np.int16)
        data = ((self.samples & ~np.int16(1)) | np.resize(bits, len(self.samples))).tobytes()
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
        head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
        return head + form + struct.pack("<4sI", b"data", len(data)) + data


def packaged_takes() -> list[Take]:
    """The recordings of spoken digits that Harken ships, with what is said in them."""
    return [
        take_of(one.path.name, one.path.read_bytes(), text=one.text, language=one.language)
        for one in packaged_samples()
    ]


def takes_of(paths: Sequence[Path]) -> list[Take]:
    """Somebody's own recordings, in any container.

    Raises:
        OSError: one cannot be read.
        HarkenError: one cannot be decoded; `field` names it.
    """
    return [take_of(path.name, path.read_bytes()) for path in paths]


def take_of(name: str, data: bytes, *, text: str | None = None, language: str = "") -> Take:
    """Decode a recording.

    Raises:
        HarkenError: it cannot be decoded.
    """
    samples = np.round(np.clip(decode(data).samples, -1, 1) * 32767).astype(np.int16)
    return Take(name=name, data=data, samples=samples, text=text, language=language)
