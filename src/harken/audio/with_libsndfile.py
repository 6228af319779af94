"""Decoding with libsndfile: WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF, AU, CAF, Wave64, VOC.

Knows libsndfile's habits and nothing about limits. The invariant: blocks are small whatever the header says, and fewer
samples than the header promised is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harken.audio.container import Container
from harken.audio.recording import Block, Source
from harken.audio.view import Bytes
from harken.audio.window import Window
from harken.errors import TruncatedAudio, UndecodableAudio

if TYPE_CHECKING:
    import soundfile

READS = frozenset(
    {
        Container.WAV,
        Container.W64,
        Container.AIFF,
        Container.AU,
        Container.CAF,
        Container.FLAC,
        Container.OGG,
        Container.MP3,
        Container.VOC,
    }
)

_BLOCK_SAMPLES = 1 << 17
"""Samples of all channels together per block: half a megabyte of float32, though a header may claim 1,024 channels."""
_UNKNOWN_FRAMES = 1 << 62


class CannotOpenError(Exception):
    """libsndfile does not know this coding; FFmpeg may."""


def blocks_by_libsndfile(
    container: Container, data: Bytes, correction: tuple[int, bytes] | None = None
) -> Iterator[Block]:
    """Decode one file, or one link of a chain, block by block.

    Args:
        container: what it is.
        data: the file …
        correction: … with these bytes at this place instead of its own.

    Raises:
        CannotOpenError: libsndfile refuses the header; nothing was yielded.
        TruncatedAudio: it ends before its audio does.
        UndecodableAudio: it is damaged.
    """
    import soundfile

    try:
        window = Window(data, correction)
        file = soundfile.SoundFile(window)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise CannotOpenError(str(error)) from error
    with file:
        # For MP3 the number is an estimate; its frames have been counted instead.
        promised = _UNKNOWN_FRAMES if container is Container.MP3 else file.frames
        done = 0
        source = Source(
            container=container.value, codec=file.subtype, sample_rate=file.samplerate, channels=file.channels
        )
        for samples in _read(file, window, promised):
            done += len(samples)
            yield Block(samples=samples, source=source)
        if done < promised < _UNKNOWN_FRAMES:
            raise TruncatedAudio(f"The file promises {promised} samples and has {done}.")


def _read(file: soundfile.SoundFile, window: Window, promised: int) -> Iterator[NDArray[np.float32]]:
    """Yield float32 [≤ block, channels] until the file ends, or all that it promised has come.

    Whoever asks libFLAC for more is told that a tag, or padding, behind the last frame is damage.
    """
    import soundfile

    frames = max(1, _BLOCK_SAMPLES // file.channels)
    buffer = np.empty((frames, file.channels), np.float32)
    left = promised
    while left > 0:
        try:
            count = file.buffer_read_into(buffer[: min(frames, left)], dtype="float32")
        except soundfile.LibsndfileError as error:
            # libFLAC says "lost sync" for a cut file as well. Where all bytes are read already, that is likelier.
            if window.is_at_end:
                raise TruncatedAudio("The file is cut off, or damaged close to its end.") from error
            raise UndecodableAudio(f"The file is damaged: {_reason(error)}") from error
        if not count:
            return
        left -= count
        yield buffer[:count]


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ")
