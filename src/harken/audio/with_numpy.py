"""Decoding of plain 16-bit WAV: the numbers are there already, and become float32 in one step.

Most short clips are such files, and opening a decoder for one costs more than its numbers do. Only what the walk over
the file found to be nothing unusual comes here. The invariant: the same samples as libsndfile's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from harken.audio.container import Container
from harken.audio.recording import Block, Source
from harken.audio.structure.facts import Pcm16
from harken.audio.view import Bytes

_BLOCK_FRAMES: Final = 1 << 17
_STEP: Final = np.float32(1 / (1 << 15))


def blocks_of_pcm16(container: Container, data: Bytes, pcm: Pcm16) -> Iterator[Block]:
    """Yield the samples of a file, in blocks of eight seconds."""
    source = Source(container=container.value, codec="PCM_16", sample_rate=pcm.sample_rate, channels=pcm.channels)
    for first in range(0, pcm.frames, _BLOCK_FRAMES):
        start, end = (pcm.start + frame * 2 * pcm.channels for frame in (first, min(pcm.frames, first + _BLOCK_FRAMES)))
        part = data[start:end]
        numbers = np.frombuffer(part if isinstance(part, memoryview) else bytes(part), np.dtype("<i2"))
        yield Block(samples=(numbers * _STEP).reshape(-1, pcm.channels), source=source)
