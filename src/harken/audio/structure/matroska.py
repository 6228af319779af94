"""Matroska and WebM: EBML elements with an id and a size (RFC 8794, RFC 9559).

Live recorders (a browser's MediaRecorder) write the segment and its clusters with the size "unknown" and never go back:
that is legitimate. A known size beyond the end of the file, or a block that is cut, is not. The walk descends only into
the segment and its clusters.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harken.audio.structure.facts import Facts
from harken.errors import TruncatedAudio, UndecodableAudio

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_INFO = 0x1549A966
_TIMESTAMP_SCALE = 0x2AD7B1
_DURATION = 0x4489
_OPENED = {_SEGMENT, _CLUSTER, _INFO}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Element:
    id: int
    start: int
    size: int | None


def walk_matroska(data: memoryview) -> Facts:
    """Check the elements of a file.

    Raises:
        TruncatedAudio: an element reaches beyond the file.
        UndecodableAudio: something that is no element lies where one should be.
    """
    at, scale, duration = 0, 1_000_000, 0.0
    while at < len(data):
        element = _element(data, at)
        if element.size is None and element.id not in _OPENED:
            raise UndecodableAudio(f"The Matroska file is damaged at byte {at}: an element has no size.")
        end = element.start + (element.size or 0)
        if end > len(data):
            raise TruncatedAudio("The Matroska file ends inside an element.")
        if element.id == _TIMESTAMP_SCALE:
            scale = int.from_bytes(data[element.start : end], "big")
        elif element.id == _DURATION:
            duration = _float(data[element.start : end])
        # Opening an element means to look at what is in it next, instead of stepping over it.
        at = element.start if element.id in _OPENED else end
    audio_s = duration * scale / 1e9
    return Facts(audio_s=audio_s if audio_s > 0 else None, is_multiplexed=True)


def _element(data: memoryview, at: int) -> _Element:
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


def _float(data: memoryview) -> float:
    """Read an EBML float of 4 or 8 bytes; anything else, and what is no number, counts as unknown (0)."""
    layout = {4: ">f", 8: ">d"}.get(len(data))
    value = struct.unpack(layout, data)[0] if layout else 0.0
    return float(value) if value == value and abs(value) < 1e18 else 0.0  # noqa: PLR0124 - NaN is unequal to itself
