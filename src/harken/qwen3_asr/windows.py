"""How mel frames become tokens, and tokens windows: the arithmetic of the encoder, without tensors.

A clip is cut into chunks of 1 s; the convolutions see one chunk at a time and leave 13 tokens of it. Eight chunks (104
tokens) form a window, and attention never leaves a window. So windows of many clips can be computed in one batch,
and this module plans that batch. Its invariant: every token of every clip is in exactly one window, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


def after_stem(length: int) -> int:
    """Count what three convolutions of stride 2 leave of so many frames (or mel bands); nothing stays nothing."""
    for _ in range(3):
        length = (length - 1) // 2 + 1 if length > 0 else 0
    return length


def tokens_of(frames: int, chunk_frames: int) -> int:
    """Count the audio tokens of a clip of so many mel frames."""
    full, rest = divmod(frames, chunk_frames)
    return full * after_stem(chunk_frames) + after_stem(rest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Tokens `start` to `end` (not included) of a packed sequence."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A batch of clips as windows.

    Attributes:
        chunks: chunks of each clip, the last one padded.
        width: tokens of a full window.
        full: for each clip, where its full windows' tokens lie in the output of the stem.
        tails: for each clip, where the tokens of its last, shorter window lie there; empty where there is none.
    """

    chunks: tuple[int, ...]
    width: int
    full: tuple[Span, ...]
    tails: tuple[Span, ...]

    @property
    def full_tokens(self) -> int:
        """Tokens in all full windows together."""
        return sum(span.end - span.start for span in self.full)

    @property
    def tail_lengths(self) -> tuple[int, ...]:
        """Tokens of every tail that has any."""
        return tuple(span.end - span.start for span in self.tails if span.end > span.start)


def plan_windows(frames: Sequence[int], *, chunk_frames: int, window_chunks: int) -> Plan:
    """Plan one encoder call for clips of so many mel frames.

    The stem writes the tokens of all chunks one after another, the same number for each. A clip's own tokens are
    contiguous there, because only its last chunk can be partly padding.
    """
    per_chunk = after_stem(chunk_frames)
    width = per_chunk * window_chunks
    chunks = tuple(-(-count // chunk_frames) for count in frames)
    starts = [0, *accumulate(count * per_chunk for count in chunks)]
    full, tails = [], []
    for start, count in zip(starts, frames, strict=False):
        tokens = tokens_of(count, chunk_frames)
        middle = start + tokens // width * width
        full.append(Span(start=start, end=middle))
        tails.append(Span(start=middle, end=start + tokens))
    return Plan(chunks=chunks, width=width, full=tuple(full), tails=tuple(tails))
