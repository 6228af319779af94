"""ASF (WMA, WMV) and FLV: objects and tags with sizes.

ASF states the size of the file and of its packets in the header, unless it was broadcast; FLV repeats each tag's size
behind it, so that a cut inside a tag shows.
"""

from __future__ import annotations

import struct

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes, unpack_at
from harken.errors import TruncatedAudio, UndecodableAudio

_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_FLV_TAGS = (8, 9, 18)
"""Sound, pictures, and script; bit 5 may be set as well (encrypted)."""
_SLACK_S = 0.25
"""A tag tells when it begins, the duration when the last one ends."""


def walk_asf(data: Bytes) -> Facts:
    """Check the header, the size of the data object and the file.

    Raises:
        TruncatedAudio: an object reaches beyond the file, or the data object is missing.
        UndecodableAudio: an object has an impossible size.
    """
    if len(data) < 30:
        raise TruncatedAudio("The ASF file ends inside its header.")
    audio_s, is_broadcast = _properties(data)
    at, has_data = 0, False
    while at + 24 <= len(data):
        (size,) = unpack_at("<Q", data, at + 16)
        is_data = bytes(data[at : at + 16]) == _DATA
        has_data = has_data or is_data
        if is_data and is_broadcast:
            break
        if size < 24:
            raise UndecodableAudio(f"The ASF file is damaged: the object at byte {at} has an impossible size.")
        if at + size > len(data):
            raise TruncatedAudio("The ASF file ends inside an object.")
        at += size
    if not has_data:
        raise TruncatedAudio("The ASF file ends before its packets.")
    return Facts(audio_s=audio_s, wants_ffmpeg=True)


def _properties(data: Bytes) -> tuple[float | None, bool]:
    """Return the play time in seconds, and whether the sizes are unknown because it was broadcast."""
    (header_size,) = unpack_at("<Q", data, 16)
    at = 30
    while at + 24 <= min(header_size, len(data)):
        (size,) = unpack_at("<Q", data, at + 16)
        if bytes(data[at : at + 16]) == _FILE_PROPERTIES and at + 104 <= len(data):
            ticks, _, preroll_ms, flags = unpack_at("<QQQI", data, at + 64)
            seconds = ticks / 1e7 - preroll_ms / 1e3
            return (seconds if seconds > 0 and not flags & 1 else None), bool(flags & 1)
        at += max(size, 24)
    return None, False


def _flv_duration(data: Bytes) -> float | None:
    """Read the seconds that the script tag at the start promises; None where it promises none, as from a pipe."""
    head = bytes(data[:1024])
    at = head.find(b"\x00\x08duration\x00") + 11
    if at < 11 or at + 8 > len(head):
        return None
    (seconds,) = struct.unpack_from(">d", head, at)
    return float(seconds) if seconds > _SLACK_S else None


def walk_flv(data: Bytes) -> Facts:
    """Check every tag.

    Raises:
        TruncatedAudio: the file ends inside a tag.
        UndecodableAudio: the size behind a tag contradicts the one in front.
    """
    at = int.from_bytes(data[5:9], "big") + 4
    last_ms, promised_s = 0, _flv_duration(data)
    while at < len(data):
        is_whole = promised_s is not None and last_ms / 1e3 > promised_s - _SLACK_S
        if is_whole and data[at] & 0xDF not in _FLV_TAGS:
            break  # all that was promised is there, and what follows is no tag
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        end = at + 11 + size
        if end + 4 > len(data):
            raise TruncatedAudio("The FLV file ends inside a tag.")
        if int.from_bytes(data[end : end + 4], "big") not in (11 + size, 0):
            raise UndecodableAudio(f"The FLV file is damaged at byte {at}: no tag begins there.")
        last_ms = data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big")
        at = end + 4
    return Facts(audio_s=last_ms / 1e3 or None, wants_ffmpeg=True)
