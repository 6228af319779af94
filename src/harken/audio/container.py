"""Which file format some bytes are, told by the bytes alone.

Owns the closed list of formats that we open. File names and content types are never looked at, and neither decoding
library is allowed to guess: FFmpeg knows some hundred formats, among them playlists that open other files and
addresses, and an upload must never reach those. Pure: bytes in, an enum out.
"""

from __future__ import annotations

from enum import StrEnum

from harken.audio.structure.id3 import skip_id3
from harken.audio.structure.mpeg import find_first_frame
from harken.audio.view import Bytes


class Container(StrEnum):
    """A file format; the value is the name FFmpeg's demuxer has for it."""

    WAV = "wav"
    W64 = "w64"
    AIFF = "aiff"
    AU = "au"
    CAF = "caf"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    VOC = "voc"
    ADTS = "aac"
    AMR = "amr"
    MP4 = "mov"
    MATROSKA = "matroska"
    ASF = "asf"
    AVI = "avi"
    FLV = "flv"
    MPEG_TS = "mpegts"
    MPEG_PS = "mpeg"
    AC3 = "ac3"
    WAVPACK = "wv"
    MONKEY = "ape"
    TTA = "tta"


_MAGIC: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"fLaC", Container.FLAC),
    (0, b"OggS", Container.OGG),
    (0, b".snd", Container.AU),
    (0, b"caff", Container.CAF),
    (0, b"RF64", Container.WAV),
    (0, b"BW64", Container.WAV),
    (0, b"RIFX", Container.WAV),
    (0, b"riff\x2e\x91\xcf\x11", Container.W64),
    (0, b"Creative Voice File\x1a", Container.VOC),
    (0, b"#!AMR\n", Container.AMR),
    (0, b"#!AMR-WB\n", Container.AMR),
    (0, b"\x1a\x45\xdf\xa3", Container.MATROSKA),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container.ASF),
    (0, b"FLV\x01", Container.FLV),
    (0, b"\x00\x00\x01\xba", Container.MPEG_PS),
    (0, b"\x0b\x77", Container.AC3),
    (0, b"wvpk", Container.WAVPACK),
    (0, b"MAC ", Container.MONKEY),
    (0, b"TTA1", Container.TTA),
    (4, b"ftyp", Container.MP4),
    (4, b"moov", Container.MP4),
    (4, b"mdat", Container.MP4),
    (4, b"wide", Container.MP4),
    (4, b"free", Container.MP4),
    (4, b"skip", Container.MP4),
    (4, b"pnot", Container.MP4),
)

_TS_PACKET = 188


def sniff(data: Bytes) -> tuple[Container, int] | None:
    """Tell the format of a file.

    Returns:
        The format and the offset in bytes at which it begins (behind ID3v2 tags, or the junk that a recorded radio
        stream starts with); None where the bytes are no format that we read.
    """
    offset = skip_id3(data, 0)
    body = data[offset:]
    for at, magic, container in _MAGIC:
        if body[at : at + len(magic)] == magic:
            return container, offset
    riff = _iff_form(body)
    if riff is not None:
        return riff, offset
    if len(body) > _TS_PACKET and all(body[at] == 0x47 for at in range(0, min(len(body), 1000), _TS_PACKET)):
        return Container.MPEG_TS, offset
    first = find_first_frame(body)
    if first is None:
        return None
    return (Container.ADTS if first.is_adts else Container.MP3), offset + first.offset


def _iff_form(body: Bytes) -> Container | None:
    """Tell apart the formats that share the RIFF and FORM envelopes."""
    form = bytes(body[8:12])
    match bytes(body[0:4]):
        case b"RIFF":
            return {b"WAVE": Container.WAV, b"AVI ": Container.AVI}.get(form)
        case b"FORM":
            return {b"AIFF": Container.AIFF, b"AIFC": Container.AIFF}.get(form)
    return None
