"""MP4, M4A, MOV and 3GP: boxes with a size and a name (ISO 14496-12).

The index (`moov`) may lie in front of the samples or behind them; cut files lack it, or end inside `mdat`. A box of
size 0 reaches to the end of the file, which is legitimate. Fragmented files (`moof`) are boxes like any other. Tools
leave things behind the last box; where index and samples are whole, what does not begin with a known name is no box.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from harken.audio.structure.facts import Facts
from harken.audio.structure.names import shown
from harken.audio.view import Bytes, unpack_at
from harken.errors import TruncatedAudio, UndecodableAudio

_TOP_LEVEL: Final = frozenset(
    {
        *(b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"prft", b"emsg", b"pdin"),
        *(b"free", b"skip", b"wide", b"pnot", b"udta", b"uuid", b"meta", b"idat", b"PICT"),
    }
)


def walk_mp4(data: Bytes) -> Facts:
    """Check the top-level boxes.

    Raises:
        TruncatedAudio: a box reaches beyond the file, or there is no index.
        UndecodableAudio: a box has an impossible size.
    """
    audio_s, at = None, 0
    seen: set[bytes] = set()
    while at < len(data) and not _is_junk(data[at:], seen):
        box = next(_boxes(data, at), None)
        if box is None:
            break
        name, start, at = box
        seen.add(name)
        if name == b"moov":
            audio_s = _movie_seconds(data[start:at])
    if b"moov" not in seen:
        raise TruncatedAudio("The MP4 file has no index (moov box); it is cut off, or was never finished.")
    return Facts(audio_s=audio_s, wants_ffmpeg=True)


def _is_junk(rest: Bytes, seen: set[bytes]) -> bool:
    """Whether what follows can be left out. In a fragmented file it might be the start of the next fragment."""
    is_whole = b"moov" in seen and b"mdat" in seen and b"moof" not in seen
    return is_whole and bytes(rest[4:8]) not in _TOP_LEVEL


def _boxes(data: Bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the content of each box."""
    while at < len(data):
        if len(data) - at < 8:
            if not any(data[at:]):
                return  # zero padding behind the last box
            raise TruncatedAudio("The MP4 file ends inside the header of a box.")
        size, name = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
        start = at + 8
        if size == 1 and len(data) - at >= 16:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            if not any(name):
                return  # QuickTime ends lists with four zero bytes
            size = len(data) - at
        if at + size < start:
            raise UndecodableAudio(f"The MP4 file is damaged: the box at byte {at} has an impossible size.")
        if at + size > len(data):
            raise TruncatedAudio(f"The MP4 file ends inside its {shown(name)} box.")
        yield name, start, at + size
        at += size


def _movie_seconds(moov: Bytes) -> float | None:
    """Read the duration from the movie header; None where it is unknown, as in fragmented files."""
    for name, start, _ in _boxes(moov, 0):
        if name == b"mvhd":
            layout, at = (">IQ", start + 20) if bytes(moov[start : start + 1]) == b"\x01" else (">II", start + 12)
            if at + struct.calcsize(layout) > len(moov):
                return None
            scale, duration = unpack_at(layout, moov, at)
            unknown = (1 << 64) - 1 if layout == ">IQ" else (1 << 32) - 1
            return duration / scale if scale and duration not in (0, unknown) else None
    return None
