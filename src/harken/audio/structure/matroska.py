"""Matroska and WebM: EBML elements with an id and a size (RFC 8794, RFC 9559).

Live recorders (a browser's MediaRecorder) write the segment and its clusters with the size "unknown" and never go back:
that is legitimate. A known size beyond the end of the file, or a block that is cut, is not. Readers step over elements
that they do not know, so one damaged byte could hide a minute of speech: in the segment and in clusters, where speech
lies, only the elements of the standard are accepted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes
from harken.errors import TruncatedAudio, UndecodableAudio

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_INFO = 0x1549A966
_TIMESTAMP_SCALE = 0x2AD7B1
_DURATION = 0x4489
_OPENED = {_SEGMENT, _CLUSTER}
_KNOWN = {
    *_OPENED,
    *(0x1A45DFA3, 0xEC, 0xBF),  # the EBML header; void and checksum, which may lie anywhere
    *(0x114D9B74, _INFO, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),  # children of the segment
    *(0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF),  # children of a cluster
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Element:
    id: int
    start: int
    size: int | None


def walk_matroska(data: Bytes) -> Facts:
    """Check the elements of a file.

    Raises:
        TruncatedAudio: an element reaches beyond the file.
        UndecodableAudio: something that is no element lies where one should be.
    """
    at, audio_s = 0, None
    while at < len(data):
        element = _element(data, at)
        if element.id not in _KNOWN or (element.size is None and element.id not in _OPENED):
            raise UndecodableAudio(f"The Matroska file is damaged at byte {at}: no element belongs there.")
        end = element.start + (element.size or 0)
        if end > len(data):
            raise TruncatedAudio("The Matroska file ends inside an element.")
        if element.id == _INFO:
            audio_s = _duration_s(data[element.start : end])
        # Opening an element means to look at what is in it next, instead of stepping over it.
        at = element.start if element.id in _OPENED else end
    return Facts(audio_s=audio_s, wants_ffmpeg=True)


def _duration_s(info: Bytes) -> float | None:
    """Read the duration out of the info element; None where it is not there, as in live recordings."""
    at, scale, duration = 0, 1_000_000, 0.0
    while at < len(info):
        element = _element(info, at)
        at = element.start + (element.size or 0)
        content = info[element.start : at]
        if element.id == _TIMESTAMP_SCALE:
            scale = int.from_bytes(content, "big")
        elif element.id == _DURATION:
            duration = _float(content)
    audio_s = duration * scale / 1e9
    return audio_s if audio_s > 0 else None


def _element(data: Bytes, at: int) -> _Element:
    first = data[at]
    id_width = 9 - first.bit_length()
    if first == 0 or id_width > 4:
        raise UndecodableAudio(f"The Matroska file is damaged at byte {at}: no element begins there.")
    size_at = at + id_width
    if size_at >= len(data):
        raise TruncatedAudio("The Matroska file ends inside the header of an element.")
    size_width = 9 - data[size_at].bit_length()
    if size_width > 8:
        raise UndecodableAudio(f"The Matroska file is damaged at byte {at}: an element has an impossible size.")
    start = size_at + size_width
    if start > len(data):
        raise TruncatedAudio("The Matroska file ends inside the header of an element.")
    mask = (1 << 7 * size_width) - 1
    size = int.from_bytes(data[size_at:start], "big") & mask
    return _Element(id=int.from_bytes(data[at:size_at], "big"), start=start, size=None if size == mask else size)


def _float(data: Bytes) -> float:
    """Read an EBML float of 4 or 8 bytes; anything else, and what is no number, counts as unknown (0)."""
    layout = {4: ">f", 8: ">d"}.get(len(data))
    value = struct.unpack(layout, bytes(data))[0] if layout else 0.0
    return float(value) if value == value and abs(value) < 1e18 else 0.0  # noqa: PLR0124 - NaN is unequal to itself
