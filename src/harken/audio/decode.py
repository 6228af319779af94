"""Bytes of a recording → mono float32 samples at 16 kHz, within limits, block by block.

The way: tell the format by the content, walk the skeleton (cut and damaged files end here, and so do files whose header
admits that they are too long), then decode with libsndfile, or with FFmpeg what libsndfile does not know; the numbers
of a plain 16-bit WAV are taken as they are. Blocking: call it from `AudioReader`, never on an event loop. The
invariant: after the last block it was the whole recording; anything else ends in one `HarkenError`, at the latest
behind the last block.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.audio.container import Container, sniff
from harken.audio.mixing import Mixer, check_length, peak_of, within_one
from harken.audio.recording import Audio, Block, DecodeLimits
from harken.audio.stopwatch import Stopwatch
from harken.audio.structure.facts import Facts
from harken.audio.structure.walk import walk
from harken.audio.upload import Upload, opened
from harken.audio.view import Bytes
from harken.audio.with_ffmpeg import blocks_by_ffmpeg
from harken.audio.with_libsndfile import READS, CannotOpenError, blocks_by_libsndfile
from harken.audio.with_numpy import blocks_of_pcm16
from harken.clock import Clock, SystemClock
from harken.errors import EmptyAudio, UndecodableAudio


@dataclass(frozen=True, kw_only=True, slots=True)
class Skeleton:
    """A file whose format is known and whose skeleton is whole.

    Attributes:
        container: its format.
        body: its bytes, without what stood in front.
        facts: what the walk found.
    """

    container: Container
    body: Bytes
    facts: Facts


def look_at(data: Bytes, limits: DecodeLimits) -> Skeleton:
    """Tell the format and walk the skeleton, before anything is decoded.

    Raises:
        UndecodableAudio: it is no format that we read, or damaged.
        TruncatedAudio: the file ends before its audio does.
        EmptyAudio: it says itself that it holds nothing.
        AudioTooLong: it says itself that it is too long.
    """
    found = sniff(data)
    if found is None:
        raise UndecodableAudio
    container, offset = found
    body = data[offset:]
    facts = walk(container, body)
    check_length(facts.audio_s or 0.0, limits.max_audio_s)
    return Skeleton(container=container, body=body, facts=facts)


def blocks(skeleton: Skeleton, check_time: Callable[[], None]) -> Generator[Block, None, None]:
    """Decode block by block, as the file has it. FFmpeg gets all of what libsndfile does not know.

    Args:
        skeleton: of the file.
        check_time: called with every block, or more often; what it raises ends the decoding.

    Raises:
        UndecodableAudio, TruncatedAudio: damage that the skeleton did not show.
    """
    if skeleton.facts.pcm16 is not None:
        yield from blocks_of_pcm16(skeleton.container, skeleton.body, skeleton.facts.pcm16)
    elif skeleton.container in READS and not skeleton.facts.wants_ffmpeg:
        found = _by_libsndfile(skeleton, check_time)
        try:
            first = next(found, None)
        except CannotOpenError:
            first, found = None, _by_ffmpeg(skeleton, check_time)
        with closing(found):
            yield from itertools.chain([] if first is None else [first], found)
    else:
        yield from _by_ffmpeg(skeleton, check_time)


def _by_libsndfile(skeleton: Skeleton, check_time: Callable[[], None]) -> Generator[Block, None, None]:
    has_begun = False
    for part in _parts(skeleton):
        check_time()  # a part may be empty, and a file a million of those
        try:
            yield from blocks_by_libsndfile(skeleton.container, part, skeleton.facts.correction)
        except CannotOpenError as error:
            if has_begun:
                # FFmpeg cannot take over in the middle: what is already decoded would come twice.
                raise UndecodableAudio("A later part of the file has a different coding.") from error
            raise
        has_begun = True


def _by_ffmpeg(skeleton: Skeleton, check_time: Callable[[], None]) -> Generator[Block, None, None]:
    parts = _parts(skeleton) if skeleton.facts.wants_ffmpeg else [skeleton.body]
    promised_s = skeleton.facts.audio_s if len(parts) == 1 else None
    for part in parts:
        yield from blocks_by_ffmpeg(skeleton.container, part, check_time, promised_s)


def _parts(skeleton: Skeleton) -> list[Bytes]:
    return [skeleton.body[start:end] for start, end in skeleton.facts.parts] or [skeleton.body]


def mono_blocks(found: Iterable[Block], mixer: Mixer, watch: Stopwatch) -> Iterator[NDArray[np.float32]]:
    """Yield float32 [n ≥ 0], mono, 16 kHz, finite, in the file's own scale; each is valid until the next.

    Raises:
        EmptyAudio: not a single sample came.
        AudioTooLong, TimedOut: a limit is passed.
    """
    is_empty = True
    for block in found:
        watch.check()
        mono = mixer.feed(block)
        watch.earn(mixer.source_s)
        is_empty = is_empty and not len(mono)
        yield mono
    rest = mixer.finish()
    if is_empty and not len(rest):
        raise EmptyAudio
    yield rest


def decode(
    upload: Upload,
    limits: DecodeLimits | None = None,
    *,
    clock: Clock | None = None,
    is_abandoned: Callable[[], bool] = lambda: False,
) -> Audio:
    """Decode a whole recording into memory.

    Lossless formats at 16 kHz come out bit for bit; at other rates n samples become n · 16,000 / rate, halves rounded
    up. A peak above 1 divides all of it.

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
    watch = Stopwatch(limits.timeout_s, clock or SystemClock(), is_abandoned)
    mixer, output = Mixer(limits.max_audio_s), bytearray()
    with watch.running(), opened(upload, limits.max_bytes, watch.check) as data:
        # One growing buffer, which becomes the result without a copy.
        for mono in mono_blocks(blocks(look_at(data, limits), watch.check), mixer, watch):
            output += mono.tobytes()
    samples = np.frombuffer(output, dtype=np.float32)
    assert mixer.source is not None, "where there are samples, a block told where they came from"
    return Audio(samples=within_one(samples, peak_of(samples)), source=mixer.source)
