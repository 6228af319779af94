"""Which atoms share a cue: the cheapest division of the text, by dynamic programming. Pure.

Owns what makes a cue good, as costs: ending where a sentence or a clause ends, not too fast to read, not too short, no
long pause inside, no lone word. The limits are no costs: two lines, and seven seconds of speech. The invariant: parts
follow each other without gap and hold all atoms. Time: proportional to the atoms, times those of one cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from harken.transcribe.atoms import LINE, NARROW
from harken.transcribe.breaks import LONG_PAUSE_S, Break, Strength
from harken.transcribe.lines import gaps_of, widths_before
from harken.transcribe.timing import TimedAtom

SHORTEST_S = 1.0
LONGEST_S = 7.0

UNITS_PER_S = 17.0
"""Letters a second that are comfortable to read; an ideograph counts as 7/3 letters (7.3 a second)."""

_CUE = 1.0
_END = {Strength.PART: 1.8, Strength.WORD: 1.2, Strength.CLAUSE: 0.4, Strength.SENTENCE: 0.0}
_SECOND_LINE = 0.2
_SENTENCE_INSIDE = 0.2
_PAUSE_INSIDE = 3.0
_LONE = 1.0
_HASTE = 2.0
_BRIEF = 3.0


class Division:
    """One text's division into cues.

    Args:
        atoms: of the text.
        breaks: the place before each atom, and the end.
    """

    def __init__(self, atoms: Sequence[TimedAtom], breaks: Sequence[Break]) -> None:
        self._atoms = atoms
        self._breaks = breaks
        self._gaps = gaps_of(atoms)
        self._widths = widths_before(atoms)
        self._insides = [0.0, *accumulate(_inside(one) for one in breaks)]

    def width(self, first: int, end: int) -> int:
        """Width of the atoms [first, end) on one line."""
        return self._widths[end] - self._widths[first] - self._gaps[first]

    def parts(self) -> list[tuple[int, int]]:
        """Return the cues as ranges of atoms [first, end), in order."""
        count = len(self._atoms)
        reach = self._reach()
        best = [0.0, *[float("inf")] * count]
        came_from = [0] * (count + 1)
        for first in range(count):
            for end in range(first + 1, reach[reach[first]] + 1):
                if end > first + 1 and self._atoms[end - 1].end_s - self._atoms[first].start_s > LONGEST_S:
                    break
                cost = best[first] + self._cost(first, end)
                if cost < best[end]:
                    best[end], came_from[end] = cost, first
        return _ranges(came_from)

    def _reach(self) -> list[int]:
        """For each atom, the place behind the last that fits on one line with it."""
        count = len(self._atoms)
        reach = [count] * (count + 1)
        end = 0
        for first in range(count):
            end = max(end, first + 1)
            while end < count and self.width(first, end + 1) <= LINE:
                end += 1
            reach[first] = end
        return reach

    def _cost(self, first: int, end: int) -> float:
        start_s = self._atoms[first].start_s
        width = self.width(first, end)
        spoken_s = self._atoms[end - 1].end_s - start_s
        room_s = self._atoms[end].start_s - start_s if end < len(self._atoms) else LONGEST_S
        shown_s = max(spoken_s, min(room_s, LONGEST_S), 0.05)
        haste = width / NARROW / UNITS_PER_S / shown_s - 1.0
        is_whole = self._breaks[first].strength is self._breaks[end].strength is Strength.SENTENCE
        return (
            _CUE
            + _END[self._breaks[end].strength]
            + self._insides[end] - self._insides[first + 1]
            + (_SECOND_LINE if width > LINE else 0.0)
            + (_LONE if end == first + 1 and not is_whole else 0.0)
            + _BRIEF * max(0.0, SHORTEST_S - shown_s)
            + _HASTE * min(2.0, max(0.0, haste))
        )  # fmt: skip


def _inside(one: Break) -> float:
    """What it costs to run across a place in the middle of a cue."""
    if one.pause_s >= LONG_PAUSE_S:
        return _PAUSE_INSIDE if one.pause_s < float("inf") else 0.0
    return _SENTENCE_INSIDE if one.strength is Strength.SENTENCE else 0.0


def _ranges(came_from: Sequence[int]) -> list[tuple[int, int]]:
    found = []
    end = len(came_from) - 1
    while end > 0:
        found.append((came_from[end], end))
        end = came_from[end]
    return found[::-1]
