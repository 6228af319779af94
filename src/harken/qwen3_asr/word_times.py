"""Repaired timestamps into words that a reader can use: none of no length, none on another, none beyond the end.

Pure. An aligner's clock ticks every 80 ms, so a short word often begins and ends on one tick; as a subtitle it would
never be seen. Such a word gets half a tick, which is no more than the clock may be wrong by, and pushes its neighbours
only as far as there is no room. The invariant: 0 <= start <= end <= the next start, and the last end within the audio.
"""

from __future__ import annotations

from collections.abc import Sequence

from harken.types import Word

SHORTEST_MS = 40
"""What every word lasts at least, as long as all of them together have room."""


def place_words(texts: Sequence[str], times_ms: Sequence[int], end_ms: int) -> tuple[Word, ...]:
    """Give every word its time.

    Args:
        texts: the words, in order.
        times_ms: start and end of each, never running backwards.
        end_ms: where the segment ends.
    """
    if not texts:
        return ()
    shortest = min(SHORTEST_MS, end_ms // len(texts))
    spans = _widened(list(zip(times_ms[::2], times_ms[1::2], strict=True)), shortest)
    return tuple(
        Word(text=text, start_s=start / 1000, end_s=end / 1000)
        for text, (start, end) in zip(texts, _held_within(spans, shortest, end_ms), strict=True)
    )


def _widened(spans: Sequence[tuple[int, int]], shortest: int) -> list[tuple[int, int]]:
    """Widen what is too short: to the left as far as nobody is there, for the rest to the right."""
    widened: list[tuple[int, int]] = []
    free_from = 0
    for said_start, said_end in spans:
        end = max(said_end, free_from)
        start = max(free_from, min(said_start, end - shortest))
        end = max(end, start + shortest)
        widened.append((start, end))
        free_from = end
    return widened


def _held_within(spans: Sequence[tuple[int, int]], shortest: int, end_ms: int) -> list[tuple[int, int]]:
    """Push back to the left what reaches beyond the end."""
    held: list[tuple[int, int]] = []
    free_to = end_ms
    for found_start, found_end in reversed(spans):
        end = min(found_end, free_to)
        start = max(0, min(found_start, end - shortest))
        held.append((start, end))
        free_to = start
    return held[::-1]
