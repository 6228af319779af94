"""A text as atoms: what a draft says again or says otherwise, one at a time. Pure.

An atom is a word with what stands before it; one character in scripts without spaces; a mark for itself, because a full
stop at the end of what was heard becomes a comma when the sentence goes on. The invariant: joined, the atoms of a text
are the text, but for white space at its end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from harken.languages import is_unspaced

_RUN = re.compile(r"\s*\S+")


def atoms_of(text: str) -> list[str]:
    """Cut a text into atoms; joined they are the text, but for white space at its end."""
    atoms: list[str] = []
    for match in _RUN.finditer(text):
        atoms += _split(match.group())
    return atoms


def _split(run: str) -> list[str]:
    """Cut a run that has white space at its beginning alone."""
    word = run.lstrip()
    atoms = [run[: len(run) - len(word)] + word[0]]
    for place in range(1, len(word)):
        if _belongs(word, place):
            atoms[-1] += word[place]
        else:
            atoms.append(word[place])
    return atoms


def _belongs(word: str, place: int) -> bool:
    """Whether a character belongs to the atom of the one before it."""
    character, before = word[place], word[place - 1]
    if _is_joined(character):
        return True
    if is_unspaced(character) or is_unspaced(before):
        return False
    if character.isalnum():
        return before.isalnum() or _is_joined(before) or _is_inside(word, place - 1)
    return _is_inside(word, place)


def _is_inside(word: str, place: int) -> bool:
    """Whether a mark stands between two letters of a word: it's, 3.14, e-mail."""
    around = word[place - 1 : place] + word[place + 1 : place + 2]
    return len(around) == 2 and around.isalnum() and not word[place].isalnum() and not any(map(is_unspaced, around))


def _is_joined(character: str) -> bool:
    """Whether it is no character by itself to the reader: a combining mark, a joiner."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def is_word(atom: str) -> bool:
    """Whether an atom says something, and is no mark."""
    return any(character.isalnum() for character in atom)


def behind(wanted: Sequence[str], atoms: Sequence[str]) -> list[str]:
    """The atoms of a text behind those that it should begin with; where it does not, behind the best alignment."""
    if [atom.strip() for atom in atoms[: len(wanted)]] == [atom.strip() for atom in wanted]:
        return list(atoms[len(wanted) :])
    words = [place for place, atom in enumerate(atoms) if is_word(atom)]
    said = [key_of(atoms[place]) for place in words]
    count, _ = best_prefix([key_of(atom) for atom in wanted if is_word(atom)], said)
    return list(atoms[words[count] :]) if count < len(words) else []


def key_of(atom: str) -> str:
    """What counts of a word where two texts are compared."""
    return "".join(character for character in atom.casefold() if character.isalnum())


def best_prefix(wanted: Sequence[str], text: Sequence[str]) -> tuple[int, int]:
    """Find the beginning of a text that is most like the wanted one.

    Returns:
        How many of its words, and how many edits they are from it; of equals the longer one, so that nothing that was
        said already is said twice.
    """
    edits = prefix_edits(wanted, text)
    least = min(edits)
    return max(place for place, value in enumerate(edits) if value == least), least


def prefix_edits(wanted: Sequence[str], text: Sequence[str]) -> list[int]:
    """How many edits (Levenshtein) each beginning of a text is from the wanted one: of 0, 1, … all of its words."""
    row = list(range(len(text) + 1))
    for number, word in enumerate(wanted, start=1):
        before, row = row, [number]
        for place, other in enumerate(text, start=1):
            row.append(min(before[place - 1] + (word != other), before[place] + 1, row[-1] + 1))
    return row
