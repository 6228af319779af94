"""Cutting as it would be written for a recording that is known as a whole: the slow, plain reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from harken.audio import CutRule
from harken.audio.cutting import Cut
from harken.audio.levels import Levels, quietest_place
from harken.audio.spans import Span
from harken.types import SAMPLE_RATE


def plain_cut(n_samples: int, speech: Sequence[Span], rule: CutRule, levels: Sequence[float] = ()) -> list[Cut]:
    """Partition [0, n_samples)."""
    longest = int(rule.max_segment_s * SAMPLE_RATE)
    if n_samples <= longest and not rule.splits_at_pauses:
        return [Cut(start=0, end=n_samples, has_speech=bool(speech))] if n_samples else []
    pieces = []
    for part, is_silent in _parts(n_samples, speech, rule):
        edges = [part.start, *(_even(part, longest) if is_silent else _places(part, speech, rule, levels)), part.end]
        for start, end in itertools.pairwise(edges):
            overlaps = any(span.start < end and start < span.end for span in speech)
            pieces.append(Cut(start=start, end=end, has_speech=overlaps))
    return pieces


def _parts(n_samples: int, speech: Sequence[Span], rule: CutRule) -> Iterator[tuple[Span, bool]]:
    """Yield what lies between long silences, and those, in order; and whether it is one."""
    at = 0
    for silence in _silences(n_samples, speech, rule):
        if silence.start > at:
            yield Span(start=at, end=silence.start), False
        if silence.end > silence.start:
            yield silence, True
        at = silence.end
    if at < n_samples:
        yield Span(start=at, end=n_samples), False


def _silences(n_samples: int, speech: Sequence[Span], rule: CutRule) -> Iterator[Span]:
    edges = [0, *(edge for span in speech for edge in (span.start, span.end)), n_samples]
    shortest = min(int(rule.max_segment_s * SAMPLE_RATE), math.ceil(rule.long_silence_s * SAMPLE_RATE))
    kept = round(rule.kept_silence_s * SAMPLE_RATE)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if rule.splits_at_pauses:
            yield Span(start=start, end=end)
        elif end - start >= shortest:
            # Nobody speaks before the start or behind the end, so nothing is left to them.
            left, right = kept if start > 0 else 0, kept if end < n_samples else 0
            if end - right > start + left:
                yield Span(start=start + left, end=end - right)


def _even(part: Span, longest: int) -> Iterator[int]:
    yield from range(part.start + longest, part.end, longest)


def _places(part: Span, speech: Sequence[Span], rule: CutRule, levels: Sequence[float]) -> Iterator[int]:
    longest = int(rule.max_segment_s * SAMPLE_RATE)
    pauses = [
        (after.start - before.end, (before.end + after.start) // 2)
        for before, after in itertools.pairwise(speech)
        if before.end > part.start and after.start < part.end
    ]
    at = part.start
    while part.end - at > longest:
        latest = min(at + longest, part.end - longest // 4)
        within = [pause for pause in pauses if at + longest // 2 <= pause[1] <= latest]
        reach_s = min(rule.quiet_search_s, rule.max_segment_s / 4)
        quiet = quietest_place(Levels(levels), latest - round(reach_s * SAMPLE_RATE), latest)
        at = max(within)[1] if within else quiet
        yield at
