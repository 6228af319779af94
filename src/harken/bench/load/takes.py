"""What a load test sends: recordings, each time a little other than any that was sent before.

A server that recognised the same samples before answers from its cache, and a benchmark of that measures nothing. So
each upload is a 16-bit WAV file whose lowest bits spell a number: nobody hears it, and no piece or window of it equals
that of another number. The invariant: the same take and number give the same bytes; any other number no equal piece.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

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
        samples: int16, 16 kHz, mono.
        kind: its class of duration.
        text: what is said in it; None where nobody knows.
        language: in which language; "" where nobody knows.
        data: the file as it is; empty where only the samples are kept.
        is_packaged: one of those that the digits models know word for word.
    """

    name: str
    samples: NDArray[np.int16]
    kind: str = ""
    text: str | None = None
    language: str = ""
    data: bytes = b""
    is_packaged: bool = False

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    def file(self) -> tuple[str, bytes]:
        """A name and the same bytes every time, which a cache may know."""
        return (self.name, self.data) if self.data else ("take.wav", self.wav(0))

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
        Take(
            name=one.path.name,
            samples=samples_of(data := one.path.read_bytes()),
            text=one.text,
            language=one.language,
            data=data,
            is_packaged=True,
        )
        for one in packaged_samples()
    ]


def samples_of(data: bytes) -> NDArray[np.int16]:
    """Decode a recording, in any container.

    Raises:
        HarkenError: it cannot be decoded.
    """
    return np.round(np.clip(decode(data).samples, -1, 1) * 32767).astype(np.int16)
