"""Plain WAV without a decoder: what libsndfile would have given, or nothing at all."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from harken.audio import decode
from harken.audio.container import Container
from harken.audio.structure.walk import walk
from harken.audio.with_libsndfile import blocks_by_libsndfile
from harken.audio.with_numpy import blocks_of_pcm16

ALL = np.arange(-32768, 32768, 5, dtype="<i2")
PLAIN = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def chunk(name: bytes, content: bytes, *, promised: int | None = None) -> bytes:
    """A chunk of a RIFF file, with its padding."""
    return (
        name + struct.pack("<I", len(content) if promised is None else promised) + content + b"\0" * (len(content) % 2)
    )


def wav(*chunks: bytes) -> memoryview:
    """A RIFF file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return memoryview(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize(
    "file",
    [
        wav(chunk(b"fmt ", PLAIN), chunk(b"data", ALL.tobytes())),
        wav(chunk(b"fmt ", PLAIN + b"\0\0"), chunk(b"LIST", b"INFO"), chunk(b"data", ALL.tobytes())),
        wav(chunk(b"fmt ", PLAIN), chunk(b"data", ALL.tobytes()), chunk(b"LIST", b"INFOxyz"), b"junk"),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 8_000, 32_000, 4, 16)), chunk(b"data", ALL.tobytes()[:-2])),
        wav(chunk(b"fmt ", PLAIN), chunk(b"data", ALL.tobytes()[:-1])),
    ],
    ids=["plain", "a note in front", "a note behind", "two channels and a half frame", "half a sample"],
)
def test_the_samples_are_libsndfiles_bit_for_bit(file: memoryview) -> None:
    """Every loudness there is, and files that are a little untidy."""
    pcm = walk(Container.WAV, file).pcm16
    assert pcm is not None
    (found,), (expected,) = blocks_of_pcm16(Container.WAV, file, pcm), blocks_by_libsndfile(Container.WAV, file)
    assert np.array_equal(found.samples, expected.samples)
    assert found.source == expected.source


@pytest.mark.parametrize(
    "file",
    [
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 48_000, 3, 24)), chunk(b"data", bytes(300))),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 16_000, 32_000, 2, 16)), chunk(b"data", bytes(300))),
        wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 16_000, 2, 16)), chunk(b"data", bytes(300))),
        wav(chunk(b"fmt ", PLAIN), chunk(b"fmt ", PLAIN), chunk(b"data", bytes(300))),
        wav(chunk(b"fmt ", PLAIN), chunk(b"data", bytes(300), promised=0)),
        wav(chunk(b"fmt ", PLAIN), chunk(b"data", bytes(300), promised=0xFFFF_FFFF)),
    ],
    ids=["24 bits", "floats of 16 bits", "a rate that contradicts", "two formats", "open, 0", "open, all ones"],
)
def test_anything_unusual_is_left_to_a_decoder(file: memoryview) -> None:
    """It knows more about such files than we do."""
    assert walk(Container.WAV, file).pcm16 is None


def test_long_files_come_in_blocks() -> None:
    """The blocks together are the file."""
    numbers = np.resize(ALL, 300_001)
    audio = decode(wav(chunk(b"fmt ", PLAIN), chunk(b"data", numbers.tobytes())))
    assert np.array_equal(audio.samples, numbers / np.float32(32768))
