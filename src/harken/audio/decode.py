"""Bytes of a recording → mono float32 samples at 16 kHz, within limits.

The way: measure the bytes, tell the format by its content, walk its skeleton (cut and damaged files end here, and so
do files whose header admits that they are too long), then decode block by block with libsndfile, or with FFmpeg what
libsndfile does not know. Blocking: call it from `AudioReader`, never on an event loop. The invariant: it returns the
whole recording or raises one `HarkenError`; it never returns a part.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harken.audio.assemble import Assembly
from harken.audio.container import Container, sniff
from harken.audio.recording import Audio, DecodeLimits, Source
from harken.audio.structure.facts import Facts
from harken.audio.structure.walk import walk
from harken.audio.with_ffmpeg import decode_with_ffmpeg
from harken.audio.with_libsndfile import READS, CannotOpenError, decode_with_libsndfile
from harken.clock import Clock, SystemClock
from harken.errors import EmptyAudio, UndecodableAudio, UploadTooLarge

Upload = bytes | bytearray | memoryview | Path | BinaryIO
"""A recording's bytes, the path of a file that holds them, or an open file."""


def decode(
    upload: Upload,
    limits: DecodeLimits | None = None,
    *,
    clock: Clock | None = None,
    is_abandoned: Callable[[], bool] = lambda: False,
) -> Audio:
    """Decode a recording.

    Lossless formats at 16 kHz come out bit for bit; at other rates n samples become
    n · 16,000 / rate, halves rounded up.

    Args:
        upload: what to decode; an open file is read from where it stands.
        limits: the bounds; None means the defaults of `DecodeLimits`.
        clock: for the time limit.
        is_abandoned: asked with every block; where it answers true, decoding stops.

    Raises:
        UploadTooLarge: more bytes than allowed.
        AudioTooLong: more seconds of audio than allowed.
        EmptyAudio: no bytes, or no samples.
        TruncatedAudio: the file ends before its audio does.
        UndecodableAudio: anything else that is wrong with the file.
        TimedOut: it took longer than allowed.
        concurrent.futures.CancelledError: `is_abandoned` said so.
    """
    limits = limits or DecodeLimits()
    assembly = Assembly(limits, clock or SystemClock(), is_abandoned)
    with _bytes_of(upload, limits.max_bytes) as data:
        found = sniff(data)
        if found is None:
            raise UndecodableAudio
        container, offset = found
        body = data[offset:]
        facts = walk(container, body)
        assembly.check_length(facts.audio_s or 0.0)
        return assembly.finish(_decode_body(container, body, facts, assembly))


def _decode_body(container: Container, body: memoryview, facts: Facts, assembly: Assembly) -> Source:
    """Decode part after part; FFmpeg gets all of it where libsndfile does not know the format or the coding."""
    if container in READS and not facts.wants_ffmpeg:
        try:
            return _decode_with_libsndfile(container, body, facts, assembly)
        except CannotOpenError:
            pass
    parts = _parts(body, facts) if facts.wants_ffmpeg else [body]
    promised_s = facts.audio_s if len(parts) == 1 else None
    sources = [decode_with_ffmpeg(container, part, assembly, promised_s) for part in parts]
    return sources[0]


def _decode_with_libsndfile(container: Container, body: memoryview, facts: Facts, assembly: Assembly) -> Source:
    if facts.correction is not None:
        body = _corrected(body, *facts.correction)
    sources: list[Source] = []
    for part in _parts(body, facts):
        assembly.check_time()  # a part may be empty, and a file a million of those
        try:
            sources.append(decode_with_libsndfile(container, part, assembly))
        except CannotOpenError as error:
            if sources:
                # FFmpeg cannot take over in the middle: what is already assembled would come twice.
                raise UndecodableAudio("A later part of the file has a different coding.") from error
            raise
    return sources[0]


def _parts(body: memoryview, facts: Facts) -> list[memoryview]:
    return [body[start:end] for start, end in facts.parts] or [body]


def _corrected(body: memoryview, at: int, content: bytes) -> memoryview:
    """Copy a live recorder's file, its length of 0 replaced by the right one."""
    copy = bytearray(body)
    copy[at : at + len(content)] = content
    return memoryview(copy)


@contextmanager
def _bytes_of(upload: Upload, max_bytes: int) -> Iterator[memoryview]:
    """Give the upload as memory, after its size was checked; files are mapped, not read."""
    if isinstance(upload, bytes | bytearray | memoryview):
        yield _checked(memoryview(upload).cast("B"), max_bytes)
    elif isinstance(upload, Path):
        with upload.open("rb") as file:
            size = upload.stat().st_size
            if size == 0:
                raise EmptyAudio
            # Never closed by hand: an error on its way up still holds slices of it. The last of them unmaps it.
            yield _checked(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), max_bytes)
    else:
        yield _checked(memoryview(upload.read(max_bytes + 1)), max_bytes)


def _checked(data: memoryview, max_bytes: int) -> memoryview:
    if not data:
        raise EmptyAudio
    if len(data) > max_bytes:
        raise UploadTooLarge(f"The upload has more than {max_bytes} bytes, the most that is accepted.")
    return data
