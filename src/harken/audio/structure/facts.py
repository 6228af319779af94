"""What a walk over a file's skeleton found out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The outcome of a walk that found nothing wrong.

    Attributes:
        audio_s: seconds of audio that the headers promise; None where they do not say. A promise is enough to
            refuse a recording that is too long, never enough to trust that it is short.
        parts: byte ranges [start, end) which are to be decoded one after another; empty means the whole file.
        is_multiplexed: more than one stream shares the file, as in a video.
        open_size_at: place of a 4-byte chunk size which a live recorder left at 0, where there is one.
        frames: how many frames of compressed audio were counted; None where they were not.
    """

    audio_s: float | None = None
    parts: tuple[tuple[int, int], ...] = ()
    is_multiplexed: bool = False
    open_size_at: int | None = None
    frames: int | None = None
