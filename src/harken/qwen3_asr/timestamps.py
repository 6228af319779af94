"""Times that run backwards, put in order.

Owns the repair of the published forced aligner: every timestamp is classified for itself, so some contradict the
others. The longest run of times that never goes back is believed; what is not in it is replaced by its neighbours, or
spread evenly between them. Pure. It refuses to know words and recordings. The invariant: the result is that of
transformers' `decode_forced_alignment`, found in O(n log n) instead of O(n²).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby

_SNAPPED = 2
"""So many wrong times in a row take a neighbour's; more of them are spread between the two."""


def repair(times: Sequence[float]) -> list[int]:
    """Return times that never run backwards, cut to whole numbers.

    Args:
        times: as they were classified, in milliseconds.
    """
    repaired = list(times)
    kept = set(longest_rising(times))
    for is_kept, group in groupby(range(len(times)), key=kept.__contains__):
        if not is_kept:
            places = list(group)
            repaired[places[0] : places[-1] + 1] = _between(times, places[0], places[-1])
    return [int(time) for time in repaired]


def longest_rising(values: Sequence[float]) -> list[int]:
    """Find the places of the longest subsequence that never falls; of several, the one that transformers takes.

    `best[k]` holds the places where the longest subsequence ends that has k + 1 members; among these the later ones
    have smaller values (Fredman, 1975). A place follows the first place of one member less whose value is not above
    its own, and the first place of the greatest length ends the answer: so does the published search over all pairs.
    """
    best: list[list[int]] = []
    lows: list[float] = []
    before: list[int | None] = []
    for place, value in enumerate(values):
        length = bisect_right(lows, value)
        if length == len(best):
            best.append([])
            lows.append(value)
        before.append(_first_not_above(values, best[length - 1], value) if length else None)
        best[length].append(place)
        lows[length] = value
    return list(_chain(best[-1][0], before))[::-1] if best else []


def _first_not_above(values: Sequence[float], places: Sequence[int], value: float) -> int:
    return places[bisect_left(places, -value, key=lambda place: -values[place])]


def _chain(place: int | None, before: Sequence[int | None]) -> Iterator[int]:
    while place is not None:
        yield place
        place = before[place]


def _between(times: Sequence[float], first: int, last: int) -> list[float]:
    """Replace the times from `first` to `last`; those on both sides of them, where there are any, are right."""
    count = last - first + 1
    left = times[first - 1] if first > 0 else times[last + 1]
    right = times[last + 1] if last + 1 < len(times) else left
    if count <= _SNAPPED:
        return [left if 2 * step <= count + 1 else right for step in range(1, count + 1)]
    pace = (right - left) / (count + 1)
    return [left + pace * step for step in range(1, count + 1)]
