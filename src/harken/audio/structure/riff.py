"""Files made of chunks with a name and a length: WAV, RF64, AVI (RIFF), AIFF (FORM), Wave64, CAF, AU.

The one question is whether the chunk of samples ends inside the file. Live recorders cannot know its length when they
write the header: sizes of 0, or within a block of 2³¹ or 2³² (SoX, FFmpeg, arecord), mean "until the end of the file".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harken.audio.structure.facts import Facts, Pcm16
from harken.audio.structure.names import shown
from harken.audio.view import Bytes, unpack_at
from harken.errors import EmptyAudio, TruncatedAudio, UndecodableAudio

_LARGEST_REAL_SIZE = 0x7FFF_0000
"""SoX writes 0x7FFFF000 − header for a pipe, others 0x7FFFFFFF or 0xFFFFFFFF; real files that large are RF64."""
_OPEN = b"\xff\xff\xff\xff"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chunk:
    name: bytes
    size_at: int
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


def _chunks(data: Bytes, at: int, order: str) -> Iterator[_Chunk]:
    """Yield the chunks from `at` on; sizes are as written, so the last may lie."""
    while at + 8 <= len(data):
        (size,) = unpack_at(f"{order}I", data, at + 4)
        chunk = _Chunk(name=bytes(data[at : at + 4]), size_at=at + 4, start=at + 8, size=size)
        yield chunk
        at = chunk.end + (size & 1)


def walk_wav(data: Bytes) -> Facts:
    """Check a WAV, RF64 or BW64 file.

    Raises:
        TruncatedAudio: the data chunk reaches beyond the file, or the header ends before it.
        UndecodableAudio: there is no data chunk.
    """
    order = ">" if bytes(data[:4]) == b"RIFX" else "<"
    bytes_per_s, forms = 0, list[_Chunk]()
    long_size: int | None = None
    for chunk in _chunks(data, 12, order):
        if chunk.name == b"fmt " and chunk.start + 12 <= len(data):
            (bytes_per_s,) = unpack_at(f"{order}I", data, chunk.start + 8)
            forms.append(chunk)
        elif chunk.name == b"ds64" and chunk.start + 16 <= len(data):
            (long_size,) = unpack_at("<Q", data, chunk.start + 8)
        elif chunk.name == b"data":
            facts = _data_chunk(data, chunk, bytes_per_s, long_size)
            is_usual = bytes(data[:4]) == b"RIFF" and len(forms) == 1
            return replace(facts, pcm16=_pcm16(data, forms[0], chunk)) if is_usual else facts
        elif chunk.end > len(data):
            raise TruncatedAudio(f"The WAV file ends inside its {shown(chunk.name)} chunk.")
    raise _no_samples(data, "WAV", 44)


def _data_chunk(data: Bytes, chunk: _Chunk, bytes_per_s: int, long_size: int | None) -> Facts:
    present = len(data) - chunk.start
    size = long_size if long_size is not None and chunk.size == 0xFFFF_FFFF else chunk.size
    is_open = long_size is None and (size == 0 or size >= _LARGEST_REAL_SIZE)
    if not is_open and size > present:
        raise TruncatedAudio(f"The WAV file promises {size} bytes of samples and has {present}.")
    if is_open and size == 0 and _is_followed_by_chunk(data, chunk):
        raise EmptyAudio
    used = present if is_open else size
    return Facts(
        audio_s=used / bytes_per_s if bytes_per_s else None,
        # libsndfile takes a size of 0 at its word and reads nothing.
        correction=(chunk.size_at, _OPEN) if is_open and size == 0 and present else None,
    )


def _pcm16(data: Bytes, form: _Chunk, chunk: _Chunk) -> Pcm16 | None:
    """The samples of the commonest kind of WAV; None where anything about it is unusual."""
    if form.size < 16 or chunk.size == 0 or chunk.end > len(data):
        return None
    tag, channels, rate, bytes_per_s, bytes_per_frame, bits = unpack_at("<HHIIHH", data, form.start)
    is_plain = (tag, bits, bytes_per_frame) == (1, 16, 2 * channels) and channels in (1, 2)
    if not is_plain or bytes_per_s != rate * bytes_per_frame:
        return None
    return Pcm16(start=chunk.start, frames=chunk.size // bytes_per_frame, channels=channels, sample_rate=rate)


def _is_followed_by_chunk(data: Bytes, chunk: _Chunk) -> bool:
    """Whether an empty data chunk is really empty: a well-known chunk that ends inside the file comes behind it."""
    following = next(_chunks(data, chunk.start, "<"), None)
    known = (b"LIST", b"fact", b"PEAK", b"id3 ", b"bext", b"cue ", b"smpl")
    return following is not None and following.name in known and following.end <= len(data)


def walk_avi(data: Bytes) -> Facts:
    """Check an AVI file.

    Raises:
        TruncatedAudio: a top-level chunk reaches beyond the file, or in a file from a pipe any chunk.
    """
    at = 12
    while at + 8 <= len(data):
        chunk = next(_chunks(data, at, "<"))
        is_open = chunk.size == 0 or chunk.size >= _LARGEST_REAL_SIZE
        if is_open and chunk.name in (b"LIST", b"RIFF"):
            at = chunk.start + 4  # the list of samples, open to the end: each chunk in it has a size of its own
            continue
        if chunk.end > len(data) and not is_open:
            raise TruncatedAudio(f"The AVI file ends inside its {shown(chunk.name)} chunk.")
        at = chunk.end + (chunk.size & 1)
    if 0 < len(data) - at < 8 and any(data[at:]):
        raise TruncatedAudio("The AVI file ends inside the header of a chunk.")
    return Facts(wants_ffmpeg=True)


def walk_aiff(data: Bytes) -> Facts:
    """Check an AIFF or AIFF-C file.

    Raises:
        TruncatedAudio: a chunk reaches beyond the file.
        UndecodableAudio: there are no samples.
    """
    for chunk in _chunks(data, 12, ">"):
        is_open = chunk.size == 0 or chunk.size >= _LARGEST_REAL_SIZE
        if chunk.end > len(data) and not (is_open and chunk.name == b"SSND"):
            raise TruncatedAudio(f"The AIFF file ends inside its {shown(chunk.name)} chunk.")
        if chunk.name == b"SSND":
            return Facts()
    raise _no_samples(data, "AIFF", 54)


def walk_au(data: Bytes) -> Facts:
    """Check a Sun AU file.

    Raises:
        TruncatedAudio: the header promises more samples than there are.
    """
    if len(data) < 24:
        raise TruncatedAudio("The AU file ends inside its header.")
    start, size = unpack_at(">II", data, 4)
    is_open = size == 0xFFFF_FFFF
    if not is_open and start + size > len(data):
        raise TruncatedAudio(f"The AU file promises {size} bytes of samples and has {max(0, len(data) - start)}.")
    return Facts()


_CAF_CHUNKS = frozenset(
    {
        *(b"desc", b"data", b"pakt", b"chan", b"kuki", b"strg", b"mark", b"regn", b"inst", b"midi", b"ovvw", b"peak"),
        *(b"edct", b"info", b"umid", b"uuid", b"free", b"ldat", b"cues"),
    }
)


def walk_caf(data: Bytes) -> Facts:
    """Check an Apple Core Audio file: chunks with 64-bit sizes; −1 is a live recording's data.

    Raises:
        TruncatedAudio: a chunk reaches beyond the file, or the data chunk is missing.
    """
    at, has_data = 8, False
    while at + 12 <= len(data):
        (size,) = unpack_at(">q", data, at + 4)
        name = bytes(data[at : at + 4])
        has_data = has_data or name == b"data"
        if size < 0 or (has_data and name not in _CAF_CHUNKS):
            break  # open to the end; or all samples are there, and what follows is not of this format
        if at + 12 + size > len(data):
            raise TruncatedAudio(f"The CAF file ends inside its {shown(name)} chunk.")
        at += 12 + size
    if not has_data:
        raise TruncatedAudio("The CAF file ends before its samples.")
    return Facts()


def walk_w64(data: Bytes) -> Facts:
    """Check a Sony Wave64 file: 16-byte names, 64-bit sizes that include the 24 bytes of name and size.

    Raises:
        TruncatedAudio: a chunk reaches beyond the file.
        UndecodableAudio: a size is impossible.
    """
    at, has_data = 40, False
    while at + 24 <= len(data):
        (size,) = unpack_at("<Q", data, at + 16)
        has_data = has_data or bytes(data[at : at + 4]) == b"data"
        if size < 24:
            raise UndecodableAudio("The Wave64 file has a chunk of an impossible size.")
        if at + size > len(data):
            raise TruncatedAudio(f"The Wave64 file ends inside its {shown(bytes(data[at : at + 4]))} chunk.")
        at += (size + 7) & ~7
    if not has_data:
        raise TruncatedAudio("The Wave64 file ends before its samples.")
    return Facts()


def _no_samples(data: Bytes, kind: str, smallest: int) -> TruncatedAudio | UndecodableAudio:
    if len(data) < smallest:
        return TruncatedAudio(f"The {kind} file ends inside its header.")
    return UndecodableAudio(f"The {kind} file has no samples.")
