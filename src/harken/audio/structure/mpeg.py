"""Streams of small self-describing frames: MPEG audio layers I–III (ISO 11172-3, 13818-3) and AAC in ADTS (13818-7).

Neither has a table of contents: the walk hops from header to header. Players resynchronise silently after a gap; here a
gap is an error. What legitimately lies between or behind frames (ID3, APE and Lyrics3 tags, zero padding) is stepped
over. A Xing, Info or VBRI header in the first frame says how many frames there should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harken.audio.structure.facts import Facts
from harken.audio.structure.id3 import skip_id3
from harken.audio.view import Bytes
from harken.errors import TruncatedAudio, UndecodableAudio

_SEARCH_BYTES = 64 * 1024
_RATES = ((11_025, 12_000, 8_000), (), (22_050, 24_000, 16_000), (44_100, 48_000, 32_000))
_ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_KBIT_1 = {
    1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBIT_2 = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame header: its length in bytes with the header, samples it holds, and their rate."""

    size: int
    samples: int
    rate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstFrame:
    """Where a stream of frames begins, and which kind it is."""

    offset: int
    is_adts: bool


ReadFrame = Callable[[int], Frame | None]
"""Takes the first four bytes of a frame as a number (ADTS: the first seven)."""


def mpeg_frame(head: int) -> Frame | None:
    """Read the 4-byte header of an MPEG audio frame; None where it is none (free format included)."""
    version, layer = head >> 19 & 3, 4 - (head >> 17 & 3)
    bitrate, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    hertz = _RATES[version][rate]
    bits_per_s = 1000 * (_KBIT_1 if version == 3 else _KBIT_2)[layer][bitrate - 1]
    padding = head >> 9 & 1
    if layer == 1:
        return Frame(size=(12 * bits_per_s // hertz + padding) * 4, samples=384, rate=hertz)
    samples = 576 if layer == 3 and version != 3 else 1152
    return Frame(size=samples // 8 * bits_per_s // hertz + padding, samples=samples, rate=hertz)


def adts_frame(head: int) -> Frame | None:
    """Read the 7-byte header of an ADTS frame; None where it is none."""
    rate, size = head >> 34 & 15, head >> 13 & 0x1FFF
    if head >> 44 != 0xFFF or head >> 41 & 3 or rate >= len(_ADTS_RATES) or size < 7:
        return None
    return Frame(size=size, samples=1024 * ((head & 3) + 1), rate=_ADTS_RATES[rate])


def find_first_frame(data: Bytes) -> FirstFrame | None:
    """Find where frames begin: three in a row, or fewer that end exactly with the file."""
    head = bytes(data[:_SEARCH_BYTES])
    at = head.find(b"\xff")
    while at >= 0:
        for is_adts in (False, True):
            if _is_run(data, at, is_adts=is_adts):
                return FirstFrame(offset=at, is_adts=is_adts)
        at = head.find(b"\xff", at + 1)
    return None


def _is_run(data: Bytes, at: int, *, is_adts: bool) -> bool:
    read, width = (adts_frame, 7) if is_adts else (mpeg_frame, 4)
    for count in range(3):
        frame = read(int.from_bytes(data[at : at + width], "big"))
        if frame is None or len(data) - at < width:
            return count > 0 and at >= len(data)
        at += frame.size
    return True


def walk_mp3(data: Bytes) -> Facts:
    """Check every frame of an MPEG audio stream.

    Files that were joined are taken apart again: a decoder that believes the first file's count stops behind it.

    Raises:
        TruncatedAudio: it ends inside a frame, or has fewer frames than its header says.
        UndecodableAudio: something that is neither a frame nor a tag lies in the middle.
    """
    runs: list[_Run] = []
    at, has_count = 0, True
    while at < len(data):
        promised = _promised_frames(data[at:])
        # The frame that carries the promise comes on top, though some encoders count it as well.
        run = _walk(data, at, mpeg_frame, "MP3", promised + 1 if promised else None)
        if promised and run.frames < promised:
            raise TruncatedAudio(f"The MP3 file promises {promised} frames and has {run.frames}.")
        runs.append(run)
        at = run.next
        has_count = has_count and bool(promised)
    return Facts(
        audio_s=sum(run.audio_s for run in runs),
        # One or two frames behind the promised ones are a miscount, and too few to be opened by themselves.
        # Without a count libsndfile guesses the length from the first frame's bit rate, and stops there.
        wants_ffmpeg=not has_count,
        parts=tuple((run.start, run.end) for run in runs if run.frames > 2 or len(runs) == 1),
    )


def walk_adts(data: Bytes) -> Facts:
    """Check every frame of an AAC stream.

    Raises:
        TruncatedAudio: it ends inside a frame.
        UndecodableAudio: something that is neither a frame nor a tag lies in the middle.
    """
    runs: list[_Run] = []
    at = 0
    while at < len(data):
        runs.append(_walk(data, at, adts_frame, "AAC", None))
        at = runs[-1].next
    return Facts(
        audio_s=sum(run.audio_s for run in runs), parts=tuple((run.start, run.end) for run in runs), wants_ffmpeg=True
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """Bytes [start, end) that hold nothing but so many frames and seconds; `next` is behind the tags that follow."""

    start: int
    end: int
    next: int
    frames: int
    audio_s: float


def _walk(data: Bytes, start: int, read: ReadFrame, kind: str, most: int | None) -> _Run:
    """Hop over at most `most` frames, up to a tag; then over the tags."""
    at, frames, samples, rate, size = start, 0, 0, 0, len(data)
    width = 7 if read is adts_frame else 4
    frame = read(int.from_bytes(data[at : at + width], "big"))
    while frame is not None and frames != most:
        if rate and frame.rate != rate:
            break
        at, frames, samples, rate = at + frame.size, frames + 1, samples + frame.samples, frame.rate
        frame = read(int.from_bytes(data[at : at + width], "big")) if size - at >= width else None
    if at > size:
        raise TruncatedAudio(f"The {kind} stream ends inside a frame.")
    behind = at
    while frame is None and behind < size:
        try:
            behind = _step_over_tag(data, behind, kind)
        except (TruncatedAudio, UndecodableAudio):
            if most is None or not _is_junk(data[behind:], missing=most - frames):
                raise
            behind = size
        frame = read(int.from_bytes(data[behind : behind + width], "big"))
    return _Run(start=start, end=at, next=behind, frames=frames, audio_s=samples / rate if rate else 0.0)


def _is_junk(rest: Bytes, missing: int) -> bool:
    """Whether no frame can be in what follows the promised ones. `missing` is 1 where an encoder counted its header."""
    return missing <= 1 and (missing <= 0 or rest[0] != 0xFF) and find_first_frame(rest) is None


def _step_over_tag(data: Bytes, at: int, kind: str) -> int:
    """Return where a tag or padding at `at` ends; raise where neither is there."""
    rest = data[at:]
    head = bytes(rest[:11])
    behind_id3 = skip_id3(data, at)
    if behind_id3 > at:
        return behind_id3
    if head[:3] == b"TAG" and len(rest) >= 128:
        return at + 128
    if head[:8] == b"APETAGEX" and len(rest) >= 32:
        return at + _ape_size(rest)
    if head == b"LYRICSBEGIN" and b"LYRICS200" in bytes(rest[-9 - 128 :]):
        return len(data)
    zeros = _leading_zeros(rest)
    if zeros == len(rest) or zeros >= 16:
        return at + zeros
    if len(rest) < 4:
        raise TruncatedAudio(f"The {kind} stream ends inside a frame.")
    raise UndecodableAudio(f"The {kind} stream is damaged at byte {at}: no frame begins there.")


def _ape_size(tag: Bytes) -> int:
    """Bytes of an APEv2 tag that begins with its header (the written size leaves the header out)."""
    return min(len(tag), 32 + int.from_bytes(tag[12:16], "little"))


def _leading_zeros(data: Bytes) -> int:
    """Count them block by block: a copy of the whole rest at every gap would take quadratic time."""
    for at in range(0, len(data), 4096):
        block = bytes(data[at : at + 4096])
        filled = block.lstrip(b"\0")
        if filled:
            return at + len(block) - len(filled)
    return len(data)


def _promised_frames(data: Bytes) -> int | None:
    """Read the frame count from a Xing, Info or VBRI header in the first frame."""
    first = mpeg_frame(int.from_bytes(data[:4], "big"))
    if first is None:
        return None
    head = bytes(data[: min(first.size, 200)])
    at = max(head.find(b"Xing", 4, 64), head.find(b"Info", 4, 64))
    if at > 0 and len(head) >= at + 12 and head[at + 7] & 1:
        return int.from_bytes(head[at + 8 : at + 12], "big")
    at = head.find(b"VBRI", 36, 40)
    if at > 0 and len(head) >= at + 18:
        return int.from_bytes(head[at + 14 : at + 18], "big")
    return None
