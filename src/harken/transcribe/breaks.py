"""How good a place between two atoms is for ending a line, a cue or a segment. Pure.

Owns what counts as the end of a sentence, of a clause, and as a pause. The rules are a reader's, not a grammarian's: a
full stop behind an abbreviation or before a small letter ends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from harken.languages import is_unspaced
from harken.transcribe.timing import TimedAtom

LONG_PAUSE_S = 1.0
"""Nobody reads across it: what follows is a new thought, whatever the marks say."""

_PAUSE_S = 0.3


class Strength(IntEnum):
    """How much ends there."""

    PART = 0
    """Perhaps inside a word: there is no space, and no dictionary."""
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3


@dataclass(frozen=True, slots=True)
class Break:
    """A place between two atoms.

    Attributes:
        strength: by the marks and by the pause.
        pause_s: seconds from the end of the atom before to the start of the one behind; 0 where they are not known.
    """

    strength: Strength
    pause_s: float


def breaks_between(text: str, atoms: Sequence[TimedAtom]) -> list[Break]:
    """Judge the place before each atom; [0] is the beginning. One more than atoms: the last is the end."""
    edge = Break(Strength.SENTENCE, float("inf"))
    return [edge, *(_judge(text, *pair) for pair in pairwise(atoms)), edge] if atoms else []


def _judge(text: str, before: TimedAtom, after: TimedAtom) -> Break:
    # Pauses inside a piece without words are our own estimate, made of the marks: they prove nothing.
    is_known = before.piece != after.piece or before.is_heard
    pause_s = after.start_s - before.end_s if is_known else 0.0
    strength = _by_marks(text[before.begin : before.end], text[after.begin])
    if (
        strength is Strength.WORD
        and before.end == after.begin
        and _is_within_word(text[before.end - 1], text[after.begin])
    ):
        strength = Strength.PART
    if pause_s >= LONG_PAUSE_S:
        strength = Strength.SENTENCE
    elif pause_s >= _PAUSE_S or before.piece != after.piece:
        strength = max(strength, Strength.CLAUSE)  # recordings are cut at pauses
    return Break(strength, pause_s)


def _by_marks(before: str, after: str) -> Strength:
    core = before.rstrip(_CLOSERS)
    mark = core[-1:]
    if mark in _SENTENCE_MARKS or (mark == "." and not after.islower() and not _is_abbreviation(core)):
        return Strength.SENTENCE
    return Strength.CLAUSE if mark in _CLAUSE_MARKS or core != before else Strength.WORD


def _is_abbreviation(word: str) -> bool:
    bare = word.lstrip("([{\"'“‘«").lower()
    has_inner_stop = "." in bare[:-1].rstrip(".")  # e.g., z.B., U.S.
    return has_inner_stop or (len(bare) == 2 and bare[0].isalpha()) or bare in _ABBREVIATIONS


def _is_within_word(before: str, after: str) -> bool:
    """Guess by script: endings in hiragana belong to what is before; what follows them in another script is new."""
    is_same_script = is_unspaced(before) and is_unspaced(after)
    return is_same_script and (_is_hiragana(after) or not _is_hiragana(before))


def _is_hiragana(character: str) -> bool:
    return "\u3041" <= character <= "\u309f"


_CLOSERS = ")]}\"'”’»」』）】》〉"
_SENTENCE_MARKS = frozenset("?!。？！…‥؟।॥۔｡")
_CLAUSE_MARKS = frozenset(",;:，、；：،؛–—-.")
_ABBREVIATIONS = frozenset(
    ("mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "no.", "nr.", "bzw.", "ca.", "etc.", "sr.", "sra.", "mme.")
)
