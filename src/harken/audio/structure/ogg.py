"""Ogg: pages with a checksum, a sequence number and a clock (RFC 3533; Opus in Ogg: RFC 7845).

libogg skips a damaged page and carries on, so the walk checks every page's CRC and that no page is missing. A file may
be a chain of complete streams (internet radio): libsndfile would stop behind the first, so each link is a part of its
own. A missing end-of-stream page is no fault, many recorders never write it; a page or packet that is cut is one.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes
from harken.errors import TruncatedAudio, UndecodableAudio

_HEADER = struct.Struct("<4sBBqIIIB")
_BEGINS = 0x02
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def page_crc(page: bytes) -> int:
    """Return the Ogg checksum of a page whose own checksum field is zero.

    Ogg uses the polynomial of zlib's CRC-32, but feeds bits highest first, starts at 0 and inverts nothing. Reversing
    the bits of every byte, and of the result, turns one into the other, so zlib's C code does the work.
    """
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)


@dataclass(kw_only=True, slots=True)
class _Stream:
    """One logical stream while its pages pass by."""

    rate: int = 0
    first_granule: int = 0
    last_granule: int = 0
    next_sequence: int = 0
    is_inside_packet: bool = False
    promised: int = 0


@dataclass(kw_only=True, slots=True)
class _Link:
    """One link of a chain: streams that begin together."""

    start: int
    has_data: bool = False
    streams: dict[int, _Stream] = field(default_factory=dict)

    @property
    def audio_s(self) -> float:
        return max((_seconds(stream) for stream in self.streams.values()), default=0.0)


def _seconds(stream: _Stream) -> float:
    return (stream.last_granule - stream.first_granule) / stream.rate if stream.rate else 0.0


def walk_ogg(data: Bytes) -> Facts:
    """Check every page of an Ogg file.

    Raises:
        TruncatedAudio: it ends inside a page or inside a packet, or (FLAC) has fewer samples than it promises.
        UndecodableAudio: a page is damaged or missing.
    """
    links: list[_Link] = []
    at = 0
    while at < len(data):
        if not any(data[at:]) and at:
            break  # padded to a sector: nothing but zeros follows
        at = _page(data, at, links)
    if any(stream.is_inside_packet for link in links for stream in link.streams.values()):
        raise TruncatedAudio("The Ogg file ends inside a packet.")
    for stream in (stream for link in links for stream in link.streams.values()):
        if stream.last_granule < stream.promised:
            raise TruncatedAudio(f"The Ogg file promises {stream.promised} samples and has {stream.last_granule}.")
    starts = [link.start for link in links]
    wants_ffmpeg = any(len(link.streams) > 1 for link in links)
    return Facts(
        audio_s=sum(link.audio_s for link in links),
        # FFmpeg follows a chain by itself, and takes apart what shares the file, as in a video.
        parts=() if wants_ffmpeg else tuple(zip(starts, [*starts[1:], at], strict=True)),
        wants_ffmpeg=wants_ffmpeg,
    )


def _page(data: Bytes, at: int, links: list[_Link]) -> int:
    """Check the page at `at`, account for it in `links`, and return where the next begins."""
    if len(data) - at < _HEADER.size:
        raise TruncatedAudio("The Ogg file ends inside a page.")
    capture, _, flags, granule, serial, sequence, crc, count = _HEADER.unpack(bytes(data[at : at + _HEADER.size]))
    if capture != b"OggS":
        raise UndecodableAudio(f"The Ogg file is damaged at byte {at}: no page begins there.")
    lacing = bytes(data[at + _HEADER.size : at + _HEADER.size + count])
    body = at + _HEADER.size + count
    end: int = body + sum(lacing)
    if len(lacing) < count or end > len(data):
        raise TruncatedAudio("The Ogg file ends inside a page.")
    if page_crc(bytes(data[at : at + 22]) + bytes(4) + bytes(data[at + 26 : end])) != crc:
        raise UndecodableAudio(f"The Ogg file is damaged: the checksum of the page at byte {at} is wrong.")
    if flags & _BEGINS:
        _begin(links, at, serial, sequence, bytes(data[body : min(end, body + 64)]))
    else:
        _go_on(links, at, serial, sequence, granule)
    if lacing:
        links[-1].streams[serial].is_inside_packet = lacing[-1] == 255
    return end


def _begin(links: list[_Link], at: int, serial: int, sequence: int, head: bytes) -> None:
    if not links or links[-1].has_data:
        links.append(_Link(start=at))
    rate, lead = _clock(head)
    # Opus counts the samples that the decoder drops at the start, so the clock starts that much late.
    links[-1].streams[serial] = _Stream(
        rate=rate, first_granule=lead, last_granule=lead, next_sequence=sequence + 1, promised=_promised(head)
    )


def _go_on(links: list[_Link], at: int, serial: int, sequence: int, granule: int) -> None:
    stream = links[-1].streams.get(serial) if links else None
    if stream is None:
        raise UndecodableAudio(f"The Ogg file is damaged: the page at byte {at} belongs to no stream.")
    if sequence != stream.next_sequence:
        raise UndecodableAudio(f"The Ogg file is damaged: pages are missing before byte {at}.")
    links[-1].has_data = True
    stream.next_sequence = sequence + 1
    stream.last_granule = max(stream.last_granule, granule)


def _promised(head: bytes) -> int:
    """Return the samples that a FLAC stream's first packet promises; 0 where nothing is promised."""
    is_flac = head[:5] == b"\x7fFLAC" and len(head) >= 35
    return int.from_bytes(head[30:35], "big") & 0xF_FFFF_FFFF if is_flac else 0


def _clock(head: bytes) -> tuple[int, int]:
    """Return the granules per second and the samples to drop at the start, from a stream's first packet."""
    if head[:8] == b"OpusHead" and len(head) >= 12:
        return 48_000, int.from_bytes(head[10:12], "little")
    if head[:7] == b"\x01vorbis" and len(head) >= 16:
        return int.from_bytes(head[12:16], "little"), 0
    if head[:5] == b"\x7fFLAC" and len(head) >= 30:
        return int.from_bytes(head[27:30], "big") >> 4, 0
    if head[:8] == b"Speex   " and len(head) >= 40:
        return int.from_bytes(head[36:40], "little"), 0
    return 0, 0
