"""The text of a turn while it grows: what is final, what drafts agree on, what may change. Pure.

*Final* is what pieces say that were recognised whole; where `hold_s` is set, also what drafts have agreed on for so
long. Drafts *agree* on an atom once every one since its first appearance has said it and everything before it alike,
three at least, and enough sound has come behind it. Local agreement (Liu, Spanakis and Niehues, 2020), with sound in
place of a count of drafts, because drafts come at any pace. What they agree on is not told as final by itself: of 275
turns of digit strings two in a hundred would have had a final text that differs from that of the file.

The invariant: final text is only ever added to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harken.live.atoms import atoms_of, behind, is_word, key_of, prefix_edits
from harken.transcribe.stitch import needs_space

AGREEING: Final = 3
"""Drafts that must have said the same."""

_LATE_S: Final = 0.5
"""A word may be missing from a draft whose sound ended so soon behind it."""

AGREE_S: Final = 2.0
"""Seconds of sound that must have come behind an atom's first appearance before drafts agree on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a draft, or a piece that is done, changes.

    Attributes:
        delta: what is final now, behind what was.
        tentative: what seems to follow.
        stable: so many characters of it are agreed on, and will hardly change.
    """

    delta: str
    tentative: str
    stable: int = 0


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
        hold_s: seconds of sound behind an atom's first appearance after which it is final although its piece is not
            done; 0 for never.

    Attributes:
        is_at_odds: a piece said otherwise than what was final already; never where `hold_s` is 0.
    """

    def __init__(self, hold_s: float) -> None:
        self.is_at_odds = False
        self._hold_s = hold_s
        self._final = ""
        self._done = ""  # what pieces said that are done
        self._agreed: list[_Atom] = []  # behind the final text
        self._before = 0  # how many of these lie in sound that drafts do not hear any more
        self._seen: list[_Atom] = []  # behind those that are agreed on
        self._window: list[_Atom] = []  # final atoms, of early ones, that the next draft will begin with
        self._heard_s = 0.0  # where the sound of the latest draft ended

    @property
    def final(self) -> str:
        """All that is final of the turn."""
        return self._final

    @property
    def prefix(self) -> str:
        """What drafts agree on in the sound of the next one."""
        return _joined([*self._window, *self._agreed[self._before :]]).lstrip()

    def take(self, text: str, heard_s: float) -> Shown:
        """Take a draft.

        Args:
            text: of the sound from the anchor on.
            heard_s: where its sound ends, in seconds of the session.
        """
        atoms = self._behind_expected(text)
        kept = 0
        for atom, seen in zip(atoms, self._seen, strict=False):
            if atom != seen.text:
                break
            kept += 1
        self._seen = [replace(said, drafts=said.drafts + 1) for said in self._seen[:kept]]
        self._seen += [_Atom(text=atom, first_s=heard_s, after_s=self._heard_s) for atom in atoms[kept:]]
        self._heard_s = heard_s
        ripe = _ripe(self._seen, heard_s, AGREE_S)
        self._agreed += self._seen[:ripe]
        del self._seen[:ripe]
        return self._shown(self._hold(heard_s))

    def done(self, text: str) -> Shown:
        """Take what the next piece says, recognised whole.

        Args:
            text: with the space before it, as it follows what the pieces before said.
        """
        self._done += text
        if self._done.startswith(self._final):
            delta = self._done[len(self._final) :]
        elif self._final.startswith(self._done):
            delta = ""
        else:
            self.is_at_odds = True
            delta = ""
        self._final += delta
        spoken = behind(atoms_of(text), [atom.text for atom in (*self._agreed, *self._seen)])
        gone = len(self._agreed) + len(self._seen) - len(spoken)
        self._before = max(0, self._before - gone)
        rest = [*self._agreed, *self._seen][gone:]
        agreed = max(0, len(self._agreed) - gone)
        self._agreed, self._seen = rest[:agreed], rest[agreed:]
        return self._shown(delta)

    def finish(self) -> Shown:
        """All pieces are done: what is final stays, what they said behind it follows."""
        delta = ""
        if not self._done.startswith(self._final):
            delta = self._following("".join(behind(atoms_of(self._final), atoms_of(self._done))))
            self._final += delta
        self._agreed, self._seen, self._window = [], [], []
        return Shown(delta=delta, tentative="")

    def move(self, before: str, place_s: float) -> bool:
        """Let the sound before a place go, where the text of it ends that drafts agree on.

        Args:
            before: what that sound says by itself.
            place_s: the place, in seconds of the session.

        Returns:
            False where it cannot be told how much of the text that is; nothing has changed then.
        """
        held = [*self._window, *self._agreed[self._before :]]
        heard = [key_of(atom) for atom in atoms_of(before) if is_word(atom)]
        words = [place for place, atom in enumerate(held) if is_word(atom.text)]
        # What a draft said whose sound ended before is before; what the drafts up to well behind it did not say is not.
        least = sum(held[place].first_s <= place_s for place in words)
        most = sum(held[place].after_s <= place_s + _LATE_S for place in words)
        edits = prefix_edits(heard, [key_of(held[place].text) for place in words])
        count = min(range(least, most + 1), key=lambda count: (edits[count], -count))
        if edits[count] > len(heard) // 4 or count >= len(words):
            return False
        self._leave(words[count])  # a mark in front of the next word belongs to the sound before it
        return True

    def settle(self, before: str) -> None:
        """Let the sound before a place go, and take what it says by itself for agreed on.

        Args:
            before: what that sound says.
        """
        atoms = self._behind_expected(before)
        while atoms and not is_word(atoms[-1]):  # a mark at a seam is no mark of the text
            atoms.pop()
        self._agreed += [_Atom(text=atom, first_s=0.0, after_s=0.0, drafts=AGREEING) for atom in atoms]
        self._window, self._seen, self._before = [], [], len(self._agreed)

    def _behind_expected(self, text: str) -> list[str]:
        """The atoms of a draft behind those that it should begin with; where it should with none, behind all text."""
        expected = [atom.text for atom in (*self._window, *self._agreed[self._before :])]
        atoms = behind(expected, atoms_of(text))
        if atoms and not expected:
            atoms[0] = _spaced(self._final + _joined(self._agreed), atoms[0])
        return atoms

    def _leave(self, count: int) -> None:
        """So many atoms that the next draft was expected to begin with lie in sound that is gone."""
        final = min(count, len(self._window))
        del self._window[:final]
        self._before += count - final

    def _hold(self, heard_s: float) -> str:
        """What becomes final although its piece is not done."""
        if not self._hold_s:
            return ""
        count = _ripe(self._agreed, heard_s, max(self._hold_s, AGREE_S))
        early, self._agreed = self._agreed[:count], self._agreed[count:]
        delta = self._following(_joined(early))
        self._final += delta
        self._window += early[self._before :]
        self._before = max(0, self._before - count)
        return delta

    def _shown(self, delta: str) -> Shown:
        stable = self._following(_joined(self._agreed))
        tentative = self._following(_joined([*self._agreed, *self._seen]))
        return Shown(delta=delta, tentative=tentative, stable=len(stable))

    def _following(self, text: str) -> str:
        """Text as it stands behind what is final: with its own space, unless it begins anew there."""
        return _spaced(self._final, text) if self._final else text.lstrip()


def _spaced(before: str, text: str) -> str:
    """A text as it stands behind another: with its own space, or with one that is missing."""
    is_missing = before and text and not text[0].isspace() and needs_space(before, text, ())
    return f" {text}" if is_missing else text


def _ripe(atoms: Sequence[_Atom], heard_s: float, hold_s: float) -> int:
    """How many atoms at the beginning three drafts said alike, with so much sound behind; the last one is a word."""
    ripe = 0
    for place, said in enumerate(atoms, start=1):
        if said.drafts < AGREEING or heard_s - said.first_s < hold_s:
            break
        if is_word(said.text):  # marks go with the word that follows them
            ripe = place
    return ripe


def _joined(atoms: Sequence[_Atom]) -> str:
    return "".join(atom.text for atom in atoms)
