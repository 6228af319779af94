"""Atoms and when they are spoken. Pure.

Owns the way from an aligner's words back to the text: they lack punctuation, may lack words (a repaired piece) and may
hold some that the text has not. So they are looked for one after another, letters and digits only, never far ahead;
what is not found is passed over. Between what was found, and in pieces without words, time is shared out by how long
characters take to say. The invariant: the atoms hold the whole text in order, and their times never go back.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from harken.transcribe.atoms import Atom, atoms_of, is_wide, join_atoms
from harken.transcribe.result import PlacedTranscript, RecordingTranscript


@dataclass(frozen=True, slots=True)
class TimedAtom:
    """An atom of the recording's text.

    Attributes:
        begin: its first character's place in the text.
        end: the place behind its last.
        width: in units of `harken.transcribe.atoms`.
        start_s: when it is begun, in seconds from the start of the recording.
        end_s: when it is said; not before `start_s`, not after the next one's.
        piece: number of the piece that it is in.
        is_heard: its time comes from an aligner's words; otherwise it is estimated.
    """

    begin: int
    end: int
    width: int
    start_s: float
    end_s: float
    piece: int
    is_heard: bool


def timed_atoms(result: RecordingTranscript) -> list[TimedAtom]:
    """Return the atoms of the whole text, with their times."""
    found: list[TimedAtom] = []
    offset, now_s = 0, 0.0
    for number, piece in enumerate(result.segments):
        if not piece.text:
            continue
        offset = result.text.find(piece.text, offset)
        assert offset >= 0, f"the text is not its pieces joined, at {piece.start_s:.3f} s"
        atoms, starts, ends = _timed(piece)
        for atom, start_s, end_s in zip(atoms, starts, ends, strict=True):
            begin_s = max(now_s, start_s)
            now_s = max(begin_s, end_s)
            found.append(
                TimedAtom(atom.begin + offset, atom.end + offset, atom.width, begin_s, now_s, number, bool(piece.words))
            )
        offset += len(piece.text)
    return found


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A stretch of a piece's text whose time is known."""

    begin: int
    end: int
    start_s: float
    end_s: float


def _timed(piece: PlacedTranscript) -> tuple[list[Atom], list[float], list[float]]:
    anchors = _anchors(piece)
    atoms = _without_breaks_inside(atoms_of(piece.text), anchors)
    clock = _Clock(piece, anchors)
    times = [_times_of(piece.text, atom, clock) for atom in atoms]
    return atoms, [start_s for start_s, _ in times], [end_s for _, end_s in times]


def _times_of(text: str, atom: Atom, clock: _Clock) -> tuple[float, float]:
    """From its first letter to its last; an atom without any (a dash) takes no time."""
    spoken = [place for place in range(atom.begin, atom.end) if text[place].isalnum()]
    if not spoken:
        return clock.end_of(atom.begin), clock.end_of(atom.begin)
    return clock.start_of(spoken[0]), clock.end_of(spoken[-1] + 1)


# --- words in the text --------------------------------------------------------------------------------------------

_REACH = 48
"""How many letters ahead a word is looked for when it is not the next one."""

_SURE = 3
"""Shorter words are only believed where they are next: "a" is in every second word."""


def _anchors(piece: PlacedTranscript) -> list[_Anchor]:
    letters, places = _letters(piece.text)
    found: list[_Anchor] = []
    at, now_s = 0, piece.start_s
    for word in piece.words or ():
        wanted, _ = _letters(word.text)
        here = _find(letters, wanted, at)
        if here is None:
            continue
        at = here + len(wanted)
        start_s = max(now_s, word.start_s)
        now_s = max(start_s, word.end_s)
        found.append(_Anchor(places[here], places[at - 1] + 1, start_s, now_s))
    return found


def _find(letters: str, wanted: str, at: int) -> int | None:
    if not wanted:
        return None
    if letters.startswith(wanted, at):
        return at
    if len(wanted) < _SURE:
        return None
    here = letters.find(wanted, at, at + _REACH + len(wanted))
    return here if here >= 0 else None


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits in one case and without accents, and the place of each in the text."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if part.isalnum():
                letters.append(part)
                places.append(place)
    return "".join(letters), places


def _without_breaks_inside(atoms: list[Atom], anchors: Sequence[_Anchor]) -> list[Atom]:
    """Join the atoms that one aligned word runs through: the aligner knows the words of Japanese."""
    joined: list[Atom] = []
    ends = [anchor.end for anchor in anchors]
    for atom in atoms:
        number = bisect_left(ends, atom.begin + 1)
        if joined and number < len(anchors) and anchors[number].begin < atom.begin:
            joined[-1:] = join_atoms(joined[-1], atom)
        else:
            joined.append(atom)
    return joined


# --- times of characters ------------------------------------------------------------------------------------------


class _Clock:
    """When each character of a piece is spoken: at the anchors as they say, between them in proportion."""

    def __init__(self, piece: PlacedTranscript, anchors: Sequence[_Anchor]) -> None:
        inner = [point for one in anchors for point in ((one.begin, one.start_s), (one.end, one.end_s))]
        # Where nobody speaks at a piece's edges nothing is said, unless the aligner knows better.
        first_s = piece.start_s if piece.speech_start_s is None else piece.speech_start_s
        last_s = piece.end_s if piece.speech_end_s is None else piece.speech_end_s
        first_s = min([first_s, *(one.start_s for one in anchors)])
        last_s = max([last_s, *(one.end_s for one in anchors)])
        self._times = [(0, first_s), *inner, (len(piece.text), last_s)]
        self._places = [place for place, _ in self._times]
        said = piece.text.rstrip(_MARKS)  # the pause behind the last word is not in the piece
        self._efforts = [0.0, *accumulate(_effort(character) for character in said)]
        self._efforts += [self._efforts[-1]] * (len(piece.text) - len(said))

    def start_of(self, place: int) -> float:
        """When the sound that begins there begins, in seconds."""
        return self._between(place, min(bisect_right(self._places, place), len(self._times) - 1))

    def end_of(self, place: int) -> float:
        """When the sound that ends there ends, in seconds."""
        return self._between(place, max(bisect_left(self._places, place), 1))

    def _between(self, place: int, after: int) -> float:
        (left, left_s), (right, right_s) = self._times[after - 1], self._times[after]
        whole = self._efforts[right] - self._efforts[left]
        share = (self._efforts[place] - self._efforts[left]) / whole if whole > 0 else 1.0
        return left_s + min(1.0, share) * (right_s - left_s)


def _effort(character: str) -> float:
    """How long a character takes to say, pauses after marks included; a Latin letter is 1."""
    if character.isalnum():
        if "\uac00" <= character <= "\ud7a3":
            return 2.5
        return 3.0 if is_wide(character) or character.isdigit() else 1.0
    if character in _STOPS:
        return 5.0
    return 2.5 if character in _COMMAS else 0.0


_STOPS = ".?!。？！…؟।۔"
_COMMAS = ",;:，、；：،؛"
_MARKS = f"{_STOPS}{_COMMAS})]\"'”’»」』）"
