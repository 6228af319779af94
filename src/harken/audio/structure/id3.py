"""ID3v2 tags: what may stand in front of, between and behind the frames of a stream, and has to be stepped over."""

from __future__ import annotations

from harken.audio.view import Bytes


def skip_id3(data: Bytes, at: int) -> int:
    """Return where the ID3v2 tags that begin at byte `at` end (`at` itself where there are none).

    A tag that claims to reach beyond the file ends with the file.
    """
    while bytes(data[at : at + 3]) == b"ID3" and len(data) - at >= 10:
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | (byte & 0x7F)
        footer = 10 if data[at + 5] & 0x10 else 0
        at = min(len(data), at + 10 + size + footer)
    return at
