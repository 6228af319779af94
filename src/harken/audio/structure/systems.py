"""MPEG transport and program streams (ISO 13818-1), and WavPack: many small units, each with a known length."""

from __future__ import annotations

from harken.audio.structure.facts import Facts
from harken.audio.view import Bytes
from harken.errors import TruncatedAudio, UndecodableAudio

_TS_PACKET = 188
_TS_BLOCK = 128 * _TS_PACKET
_SYNC = 0x47
_START = b"\x00\x00\x01"
_PACK, _END = 0xBA, 0xB9
_WAVPACK_HEADER = 32


def walk_ts(data: Bytes) -> Facts:
    """Check that a transport stream consists of whole packets. Whether packets are missing does not show.

    Raises:
        TruncatedAudio: it ends inside a packet.
        UndecodableAudio: a packet does not begin where it should.
    """
    for at in range(0, len(data), _TS_BLOCK):
        starts = bytes(data[at : at + _TS_BLOCK])[::_TS_PACKET]
        good = len(starts) - len(starts.lstrip(bytes([_SYNC])))
        if good != len(starts):
            raise UndecodableAudio(f"The transport stream is damaged at byte {at + good * _TS_PACKET}.")
    if len(data) % _TS_PACKET:
        raise TruncatedAudio("The transport stream ends inside a packet.")
    return Facts(wants_ffmpeg=True)


def walk_ps(data: Bytes) -> Facts:
    """Check that a program stream consists of whole packets.

    Raises:
        TruncatedAudio: it ends inside a packet.
        UndecodableAudio: a packet does not begin where it should.
    """
    at = 0
    while at < len(data):
        head = bytes(data[at : at + 14])
        if head[:3] != _START[: len(head)]:
            if at and not any(head):
                break  # zero padding
            raise UndecodableAudio(f"The program stream is damaged at byte {at}: no packet begins there.")
        at += _ps_unit_size(head)
    if at > len(data):
        raise TruncatedAudio("The program stream ends inside a packet.")
    return Facts(wants_ffmpeg=True)


def _ps_unit_size(head: bytes) -> int:
    """Bytes of the unit that begins with these (at most 14) bytes; beyond the file where they are too few."""
    if len(head) >= 4 and head[3] == _END:
        return 4
    if len(head) >= 5 and head[3] == _PACK:
        is_mpeg_2 = head[4] >> 6 == 1
        return 14 + (head[13] & 7 if len(head) == 14 else 0) if is_mpeg_2 else 12
    return 6 + int.from_bytes(head[4:6], "big")


def walk_wavpack(data: Bytes) -> Facts:
    """Check every block of a WavPack file, as far as blocks go (tags may follow).

    Raises:
        TruncatedAudio: it ends inside a block, or has fewer samples than its header says.
    """
    at, present, total = 0, 0, 0
    while bytes(data[at : at + 4]) == b"wvpk":
        if len(data) - at < _WAVPACK_HEADER:
            raise TruncatedAudio("The WavPack file ends inside a block.")
        if at == 0:
            total = int.from_bytes(data[12:16], "little")
        first = int.from_bytes(data[at + 16 : at + 20], "little")
        present = max(present, first + int.from_bytes(data[at + 20 : at + 24], "little"))
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if at > len(data):
            raise TruncatedAudio("The WavPack file ends inside a block.")
    tag = data[at : at + 32]
    if bytes(tag[:8]) == b"APETAGEX" and at + 32 + int.from_bytes(tag[12:16], "little") > len(data):
        raise TruncatedAudio("The WavPack file ends inside its tag.")
    # All ones: written to a pipe.
    if total not in (0, 0xFFFF_FFFF) and present < total:
        raise TruncatedAudio(f"The WavPack file promises {total} samples and has {present}.")
    return Facts()
