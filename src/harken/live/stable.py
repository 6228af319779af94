"""Which part of a text that is recognised again and again may be shown as final. Pure.

A text is read as atoms: a word with what stands before it; one character in scripts without spaces; marks for
themselves, because a full stop at the end of what was heard becomes a comma when the sentence goes on. An atom is
committed once every draft since its first appearance has said it and everything before it alike, three drafts at least,
and enough sound has come behind it. Local agreement (Liu, Spanakis and Niehues, 2020), with sound in place of a count
of drafts, because drafts come at any pace.

The invariant: what was committed is never changed, whatever later drafts and the final text say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harken.languages import is_unspaced
from harken.transcribe.stitch import needs_space

AGREEING: Final = 3
"""Drafts that must have said the same."""

_LATE_S: Final = 0.5
"""A word may be missing from a draft whose sound ended so soon behind it."""

_RUN = re.compile(r"\s*\S+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a draft changes.

    Attributes:
        delta: what is committed now, behind what was.
        tentative: what seems to follow.
    """

    delta: str
    tentative: str


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Atom:
    """One atom of the latest draft.

    Attributes:
        text: with the white space before it.
        first_s: where the sound of the first draft ended that said it: it was spoken before that.
        after_s: where that of the draft before ended: it was hardly spoken before that.
        drafts: how many have said it.
    """

    text: str
    first_s: float
    after_s: float
    drafts: int = 1


class StableText:
    """The text of one turn while it grows.

    Args:
        hold_s: seconds of sound that must have come behind an atom's first appearance.

    Attributes:
        is_at_odds: the final text did not begin with what was committed.
    """

    def __init__(self, hold_s: float) -> None:
        self.is_at_odds = False
        self._hold_s = hold_s
        self._committed = ""
        self._window: list[_Atom] = []  # committed atoms that the next draft is expected to begin with
        self._seen: list[_Atom] = []  # those behind them
        self._heard_s = 0.0  # where the sound of the latest draft ended

    @property
    def committed(self) -> str:
        """All that is committed of the turn."""
        return self._committed

    @property
    def prefix(self) -> str:
        """The committed text that lies in the sound of the next draft."""
        return _joined(self._window).lstrip()

    def take(self, text: str, heard_s: float) -> Shown:
        """Take a draft.

        Args:
            text: of the sound from the anchor on.
            heard_s: where its sound ends, in seconds of the session.
        """
        atoms = self._behind(atoms_of(text))
        kept = 0
        for atom, seen in zip(atoms, self._seen, strict=False):
            if atom != seen.text:
                break
            kept += 1
        self._seen = [replace(said, drafts=said.drafts + 1) for said in self._seen[:kept]]
        self._seen += [_Atom(text=atom, first_s=heard_s, after_s=self._heard_s) for atom in atoms[kept:]]
        self._heard_s = heard_s
        ripe = 0
        for place, said in enumerate(self._seen, start=1):
            if said.drafts < AGREEING or heard_s - said.first_s < self._hold_s:
                break
            if is_word(said.text):  # marks go with the word that follows them
                ripe = place
        ripened, self._seen = self._seen[:ripe], self._seen[ripe:]
        delta = self._following(_joined(ripened))
        self._committed += delta
        self._window += ripened
        return Shown(delta=delta, tentative=self._following(_joined(self._seen)))

    def finish(self, text: str) -> Shown:
        """Take the final text of the whole turn: what is committed stays, the rest of it follows."""
        text = text.strip()
        self.is_at_odds = not text.startswith(self._committed)
        self._window = [_Atom(text=atom, first_s=0.0, after_s=0.0) for atom in atoms_of(self._committed)]
        self._seen = []
        rest = self._following("".join(self._behind(atoms_of(text))))
        self._committed += rest
        self._window = []
        return Shown(delta=rest, tentative="")

    def move(self, before: str, place_s: float) -> bool:
        """Let the sound before a place go, where the committed text of it ends.

        Args:
            before: what that sound says by itself.
            place_s: the place, in seconds of the session.

        Returns:
            False where it cannot be told how much of the committed text that is; nothing has changed then.
        """
        heard = [_key(atom) for atom in atoms_of(before) if is_word(atom)]
        words = [place for place, atom in enumerate(self._window) if is_word(atom.text)]
        # What a draft said whose sound ended before is before; what the drafts up to well behind it did not say is not.
        least = sum(self._window[place].first_s <= place_s for place in words)
        most = sum(self._window[place].after_s <= place_s + _LATE_S for place in words)
        edits = prefix_edits(heard, [_key(self._window[place].text) for place in words])
        count = min(range(least, most + 1), key=lambda count: (edits[count], -count))
        if edits[count] > len(heard) // 4 or count >= len(words):
            return False
        del self._window[: words[count]]  # a mark in front of the next word belongs to the sound before it
        return True

    def settle(self, before: str) -> Shown:
        """Commit what the sound before a place says, and let it go: nobody will hear it again before the end.

        Args:
            before: what that sound says by itself.
        """
        atoms = self._behind(atoms_of(before))
        while atoms and not is_word(atoms[-1]):  # a mark at a seam is no mark of the text
            atoms.pop()
        delta = self._following("".join(atoms))
        self._committed += delta
        self._window, self._seen = [], []
        return Shown(delta=delta, tentative="")

    def _behind(self, atoms: Sequence[str]) -> list[str]:
        """The atoms of a text behind those that are committed."""
        wanted = [atom.text.strip() for atom in self._window]
        if [atom.strip() for atom in atoms[: len(wanted)]] == wanted:
            return list(atoms[len(wanted) :])
        return behind([atom.text for atom in self._window], atoms)

    def _following(self, text: str) -> str:
        """Text as it stands behind what is committed: with its own space, unless it begins anew there."""
        if not self._committed:
            return text.lstrip()
        if not text or self._window or text[0].isspace():
            return text
        return f" {text}" if needs_space(self._committed, text, ()) else text


def _key(atom: str) -> str:
    """What counts of a word where two texts are compared."""
    return "".join(character for character in atom.casefold() if character.isalnum())


def behind(committed: Sequence[str], atoms: Sequence[str]) -> list[str]:
    """What of a text follows what was committed, where it does not begin with it: behind the best alignment."""
    words = [place for place, atom in enumerate(atoms) if is_word(atom)]
    count, _ = best_prefix([_key(atom) for atom in committed if is_word(atom)], [_key(atoms[place]) for place in words])
    return list(atoms[words[count] :]) if count < len(words) else []


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


def _joined(atoms: Sequence[_Atom]) -> str:
    return "".join(atom.text for atom in atoms)
