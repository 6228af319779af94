"""What a walk over a file's skeleton found out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pcm16:
    """Where a file's samples lie, if they are nothing but 16-bit little-endian numbers.

    Attributes:
        start: their first byte.
        frames: how many there are of each channel.
        channels: that take turns.
        sample_rate: of each channel.
    """

    start: int
    frames: int
    channels: int
    sample_rate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The outcome of a walk that found nothing wrong.

    Attributes:
        audio_s: seconds of audio that the headers promise; None where they do not say. A promise is enough to
            refuse a recording that is too long, never enough to trust that it is short.
        parts: byte ranges [start, end) which are to be decoded one after another; empty means the whole file.
        wants_ffmpeg: libsndfile would open it, and not read it to its end.
        correction: a place, and the bytes that belong there: a length which a live recorder left at 0.
        pcm16: its samples, where no decoder is needed for them.
    """

    audio_s: float | None = None
    parts: tuple[tuple[int, int], ...] = ()
    wants_ffmpeg: bool = False
    correction: tuple[int, bytes] | None = None
    pcm16: Pcm16 | None = None
