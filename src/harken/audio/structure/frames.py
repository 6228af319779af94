"""Files that are one header and then frames whose size their first byte tells: AMR (RFC 4867).

AMR has no index: the walk hops from frame to frame.
"""

from __future__ import annotations

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes
from harken.errors import TruncatedAudio, UndecodableAudio

_AMR_NB = (12, 13, 15, 17, 19, 20, 26, 31, 5, -1, -1, -1, -1, -1, -1, 0)
_AMR_WB = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, -1, -1, -1, -1, 0, 0)


def walk_amr(data: Bytes) -> Facts:
    """Check a single-channel AMR or AMR-WB file; a frame is 20 ms.

    Raises:
        TruncatedAudio: it ends inside a frame.
        UndecodableAudio: a frame of a kind that does not exist.
    """
    is_wide = bytes(data[:9]) == b"#!AMR-WB\n"
    sizes, at = (_AMR_WB, 9) if is_wide else (_AMR_NB, 6)
    frames = 0
    while at < len(data):
        size = sizes[data[at] >> 3 & 15]
        if size < 0 or data[at] & 0x83:
            raise UndecodableAudio(f"The AMR file is damaged at byte {at}: no frame begins there.")
        at, frames = at + 1 + size, frames + 1
    if at > len(data):
        raise TruncatedAudio("The AMR file ends inside a frame.")
    return Facts(audio_s=frames * 0.02)
