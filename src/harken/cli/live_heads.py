"""Whether bytes that should be bare PCM16 are the beginning of an audio file instead. Pure.

It tells what is plainly a file, and knows neither its rate nor how to read it. The invariant: sound is never taken for
one. Every head that is looked for fixes 32 bits or more at the very beginning, so of noise one stream in four thousand
million would be refused; and sound that begins with silence, as nearly all does, never.
"""

from __future__ import annotations

from typing import Final

_MARKS: Final = (b"RIFF", b"RF64", b"OggS", b"fLaC", b"caff", b"\x1a\x45\xdf\xa3")
"""With which a file begins; the last is EBML's: WebM, Matroska."""

_ENOUGH: Final = 12
_FTYP_MOST: Final = 4096
_HEADERS: Final = 3
_HEADER_BYTES: Final = 4

_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0
_LAYER_2, _LAYER_3 = 2, 1
_RATES: Final = {_MPEG1: (44_100, 48_000, 32_000), _MPEG2: (22_050, 24_000, 16_000), _MPEG25: (11_025, 12_000, 8_000)}
_LOW: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBPS: Final = {
    (True, _LAYER_2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, _LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, _LAYER_2): _LOW,
    (False, _LAYER_3): _LOW,
}
"""By whether it is MPEG-1, and the layer."""


def is_file(data: bytes) -> bool | None:
    """Say whether an audio file begins so; None while more of it is needed.

    Args:
        data: the first bytes.
    """
    if len(data) < _ENOUGH:
        return True if data.startswith(_MARKS) else None
    if data.startswith(_MARKS) or _is_id3(data) or _is_iso(data):
        return True
    if data.startswith(b"FORM") and data[8:12] in (b"AIFF", b"AIFC"):
        return True
    return _is_mpeg(data)


def _is_id3(data: bytes) -> bool:
    """An ID3v2 tag: its version, and a size of four bytes without their highest bits."""
    return data.startswith(b"ID3") and 2 <= data[3] <= 4 and max(data[6:10]) < 128


def _is_iso(data: bytes) -> bool:
    """MP4, M4A, MOV: their first box names the kind of file, and is short."""
    return data[4:8] == b"ftyp" and 8 <= int.from_bytes(data[:4]) <= _FTYP_MOST


# A header of MPEG audio (MP3) fixes some 13 bits only. So the next two must stand where each says that its frame ends,
# and agree: 50 bits together. Noise is not the danger there but sound that repeats itself, in which what stood once
# stands again. A tone whose period fits into a frame has its first bytes also within the frame, and one whose period is
# the frame has two frames that are the same, which a file has in silence alone. Layer I, of whose headers one begins
# with the sample -1, is left out: nobody uses it, and quiet sound may begin so.


def _is_mpeg(data: bytes) -> bool | None:
    """Frames of MPEG audio, layer II or III, one behind the other."""
    at, first = 0, data[:_HEADER_BYTES]
    for _ in range(_HEADERS):
        header = data[at : at + _HEADER_BYTES]
        if len(header) < _HEADER_BYTES:
            return None
        length = _frame_bytes(header)
        if not length or header[1] != first[1] or (header[2] ^ first[2]) & 0b1100:  # version, layer, rate
            return False
        at += length
    length = _frame_bytes(first)
    return first not in data[1:length] and data[:length] != data[length : 2 * length]


def _frame_bytes(header: bytes) -> int:
    """How long the frame of a header is, itself included; 0 where it is none."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    is_one = version == _MPEG1
    if header[0] != 0xFF or header[1] < 0xE0 or version not in _RATES or (is_one, layer) not in _KBPS:
        return 0
    if not 1 <= bit_rate <= 14 or rate == 3 or header[3] & 3 == 2:
        return 0
    bytes_per_bit = 72 if layer == _LAYER_3 and not is_one else 144
    return bytes_per_bit * 1000 * _KBPS[is_one, layer][bit_rate - 1] // _RATES[version][rate] + (header[2] >> 1 & 1)
