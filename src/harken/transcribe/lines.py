"""One cue's text → one line, or two. Pure.

Owns where the first of two lines ends: at a mark where there is one near the middle, else so that both are about
equally long, the lower one rather longer; no word stands alone where it need not. The caller sees to it that the text
fits on two lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from harken.transcribe.atoms import LINE, NARROW, shown
from harken.transcribe.breaks import Break, Strength
from harken.transcribe.timing import TimedAtom

_LONE = 0.3
_NUMBER = 2.0
"""Some readers of SRT files take a last line that is a number for the number of the next cue."""

_COST = {Strength.PART: 0.6, Strength.WORD: 0.35, Strength.CLAUSE: 0.1, Strength.SENTENCE: 0.0}


def lines_of(text: str, atoms: Sequence[TimedAtom], breaks: Sequence[Break]) -> tuple[str, ...]:
    """Break the lines of a cue.

    Args:
        text: of the recording.
        atoms: of the cue.
        breaks: the place before each atom, and the one behind the last.
    """
    gaps, widths = gaps_of(atoms), widths_before(atoms)
    parts = [atoms]
    if widths[-1] > LINE:
        sides = [(widths[place], widths[-1] - widths[place] - gaps[place]) for place in range(1, len(atoms))]
        costs = [_cost(*pair, one) for pair, one in zip(sides, breaks[1:], strict=False)]
        for place in (1, len(atoms) - 1):
            costs[place - 1] += _LONE
        if text[atoms[-1].begin : atoms[-1].end].isdigit():
            costs[-1] += _NUMBER
        middle = costs.index(min(costs)) + 1
        parts = [atoms[:middle], atoms[middle:]]
    lines = (shown(text[part[0].begin : part[-1].end]) for part in parts)
    return tuple(line for line in lines if line)


def gaps_of(atoms: Sequence[TimedAtom]) -> list[int]:
    """Width of the white space before each atom; 0 before the first."""
    spaces = (NARROW if after.begin > before.end else 0 for before, after in pairwise(atoms))
    return [0, *spaces][: len(atoms)]


def widths_before(atoms: Sequence[TimedAtom]) -> list[int]:
    """Width of all that is before each atom (less the white space there), and of everything."""
    return [0, *accumulate(gap + atom.width for gap, atom in zip(gaps_of(atoms), atoms, strict=True))]


def _cost(upper: int, lower: int, at: Break) -> float:
    """What it costs to break into lines of these widths at this place."""
    too_wide = 100.0 if max(upper, lower) > LINE else 0.0
    return too_wide + abs(upper - lower) / LINE + _COST[at.strength] + (0.05 if upper > lower else 0.0)
