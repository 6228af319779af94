"""FLAC (RFC 9639): the promise of samples in the header, and where it is missing, the last frame's own place.

An encoder that writes into a pipe leaves the total at 0, and libsndfile needs one to stop at. The last frame knows its
number, so the total can be had from it, and libFLAC then checks the CRC of every frame as in any other file (FFmpeg
would step over damaged ones). Every frame ends with a CRC-16 of itself, so a cut file has no last frame that fits.
"""

from __future__ import annotations

from typing import Final

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes
from harken.errors import EmptyAudio, TruncatedAudio

_TOTAL_AT: Final = 21
"""Place of the five bytes whose lower 36 bits are the number of samples (the upper four belong to the sample size)."""
_TOTAL_MASK: Final = 0xF_FFFF_FFFF
_SEARCH_BYTES: Final = 256 * 1024
"""How far from the end the last frame is looked for; frames of 4096 stereo samples have at most 24 KiB."""
_MOST_CANDIDATES: Final = 16
"""Each costs a CRC-16 in Python; a file may be made of things that look like a frame's head."""


def walk_flac(data: Bytes) -> Facts:
    """Read a FLAC file's promise of samples; where there is none (0), find it out.

    Raises:
        TruncatedAudio: it ends inside its first header block, or promises nothing and does not end with a frame.
        EmptyAudio: it promises nothing and has no frame.
    """
    if len(data) < 42:
        raise TruncatedAudio("The FLAC file ends inside its header.")
    rate = int.from_bytes(data[18:21], "big") >> 4
    field = int.from_bytes(data[_TOTAL_AT : _TOTAL_AT + 5], "big")
    total = field & _TOTAL_MASK
    if total:
        return Facts(audio_s=total / rate if rate else None)
    found = _samples_up_to_the_last_frame(data)
    if found is None:
        raise TruncatedAudio("The FLAC file does not end with a whole frame.")
    if found == 0:
        raise EmptyAudio
    corrected = (field | found & _TOTAL_MASK).to_bytes(5, "big")
    return Facts(audio_s=found / rate if rate else None, correction=(_TOTAL_AT, corrected))


def _samples_up_to_the_last_frame(data: Bytes) -> int | None:
    """Return the samples up to the end of the frame that ends with the file; 0 for no frames, None where it is cut."""
    first = _skip_metadata(data)
    if first >= len(data):
        return 0 if first == len(data) else None
    end = len(data) - 128 if bytes(data[-128:-125]) == b"TAG" else len(data)
    start = max(first, end - _SEARCH_BYTES)
    tail = bytes(data[start:end])
    at, tried = len(tail), 0
    while tried < _MOST_CANDIDATES and (at := tail.rfind(b"\xff", 0, at)) >= 0:
        samples = _samples_behind(tail[at : at + 16], int.from_bytes(data[10:12], "big"))
        if samples is None:
            continue
        tried += 1
        # The CRC of a frame with its own CRC behind it is 0, and stays 0 over padding.
        if not _crc(tail[at:], _CRC_16, 16):
            return samples
    return None


def _skip_metadata(data: Bytes) -> int:
    """Return where the first frame begins."""
    at, is_last = 4, False
    while not is_last and at + 4 <= len(data):
        is_last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _samples_behind(head: bytes, block_size: int) -> int | None:
    """Read a frame's head: samples of the recording up to its end; None where it is none.

    Args:
        head: its first 16 bytes, or fewer.
        block_size: samples of each frame but the last, where frames are counted and not samples.
    """
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1 or head[2] & 15 == 15 or head[3] >> 4 > 10:
        return None
    coded = _coded_number(head[4:11])
    if coded is None:
        return None
    number, at = coded[0], 4 + coded[1]
    code = head[2] >> 4
    explicit = {6: 1, 7: 2}.get(code, 0)
    size = int.from_bytes(head[at : at + explicit], "big") + 1 if explicit else _block_size(code)
    at += explicit + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not size or at >= len(head) or _crc(head[: at + 1], _CRC_8, 8):
        return None
    return (number if head[1] & 1 else number * block_size) + size


def _block_size(code: int) -> int:
    if code == 1:
        return 192
    if 2 <= code <= 5:
        return 576 << code - 2
    return 256 << code - 8 if code >= 8 else 0


def _coded_number(data: bytes) -> tuple[int, int] | None:
    """Read a number in UTF-8's coding, extended to 36 bits: its value, and how many bytes it takes."""
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    if ones == 0:
        return data[0], 1
    if ones in (1, 8) or len(data) < ones:
        return None
    value = data[0] & (0x7F >> ones)
    for byte in data[1:ones]:
        if byte & 0xC0 != 0x80:
            return None
        value = value << 6 | byte & 0x3F
    return value, ones


def _crc_table(polynomial: int, width: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> width - 1 else 0)) & (1 << width) - 1
        table.append(value)
    return tuple(table)


_CRC_8: Final = _crc_table(0x07, 8)
_CRC_16: Final = _crc_table(0x8005, 16)


def _crc(data: bytes, table: tuple[int, ...], width: int) -> int:
    value, mask, shift = 0, (1 << width) - 1, width - 8
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> shift ^ byte]
    return value
