"""Text → atoms: the stretches between which a line of a subtitle may end. Pure.

Owns where a line may break and how wide text is: at white space; in scripts without spaces between any two characters
that may stand at an edge (never before closing marks or small kana, never after opening ones, never inside a run of
katakana); never inside what is one character to the reader (marks, joined emoji, flags). Without a dictionary it cannot
know the words of Chinese, Japanese or Thai; whoever does joins atoms (`harken.transcribe.timing`). The invariant: atoms
are in order, do not overlap, hold everything but white space, and none is wider than a line.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from harken.languages import is_unspaced

NARROW = 3
"""Width of a Latin letter; a unit is a third of one, so that widths are whole numbers."""

WIDE = 7
"""Width of an ideograph, a kana, a Hangul syllable or an emoji."""

LINE = 42 * NARROW
"""Width of a line: 42 Latin letters or 18 ideographs."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A stretch that stays on one line: `text[begin:end]`, without white space at its edges."""

    begin: int
    end: int
    width: int


def atoms_of(text: str) -> list[Atom]:
    """Cut a text into atoms."""
    found: list[Atom] = []
    is_open = False
    for match in re.finditer(r"\S+", text):
        word = match.group()
        here = _split(text, match.start(), match.end())
        # French puts a space before its marks; no line begins with one, nor ends with an opening quote.
        if found and (is_open or all(character in _NEVER_FIRST for character in word)):
            here[:1] = join_atoms(found.pop(), here[0])
        found.extend(here)
        is_open = all(_is_opening(character) for character in word)
    return found


def join_atoms(left: Atom, right: Atom) -> list[Atom]:
    """Return one atom for two neighbours, or the two where one would be wider than a line."""
    space = NARROW if right.begin > left.end else 0
    width = left.width + space + right.width
    return [Atom(left.begin, right.end, width)] if width <= LINE else [left, right]


def shown(text: str) -> str:
    """Text as a line shows it: single spaces, and nothing that is no character to the eye (control codes, BOM)."""
    kept = "".join(c for c in text if c.isspace() or not (unicodedata.category(c) == "Cc" or c == "\ufeff"))
    return " ".join(kept.split())


def is_wide(character: str) -> bool:
    """Say whether it fills the room of an ideograph."""
    return character > "\u10ff" and unicodedata.east_asian_width(character) in "WF"


def _split(text: str, begin: int, end: int) -> list[Atom]:
    """Cut a stretch without white space where a break is allowed, and where a line is full."""
    found: list[Atom] = []
    start, width = begin, 0
    for place in range(begin, end):
        character = text[place]
        is_inside = place > begin and _is_one_character(text, begin, place)
        wide = 0 if is_inside else _width(character)
        if place > start and not is_inside and (width + wide > LINE or _may_break(text[place - 1], character)):
            found.append(Atom(start, place, width))
            start, width = place, 0
        width += wide
    found.append(Atom(start, end, width))
    return found


def _width(character: str) -> int:
    if is_wide(character):
        return WIDE
    return 0 if unicodedata.category(character) in _NO_WIDTH else NARROW


def _is_one_character(text: str, begin: int, place: int) -> bool:
    """Say whether text[place] belongs to what the reader sees as the character before it (a part of UAX 29)."""
    character, before = text[place], text[place - 1]
    if character < "\u0300":
        return False
    if _is_flag(character):
        flags = 1
        while place - flags >= begin and _is_flag(text[place - flags]):
            flags += 1
        return flags % 2 == 0
    is_mark = unicodedata.category(character) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= character <= "\U0001f3ff"
    return is_mark or character == "\u200d" or before == "\u200d" or _is_thai_cluster(before, character)


def _is_thai_cluster(before: str, character: str) -> bool:
    """Thai vowels written before their consonant, and those written behind it, stay with it."""
    return "\u0e40" <= before <= "\u0e44" or character in "\u0e30\u0e32\u0e33\u0e45\u0e46\u0e2f"


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _may_break(before: str, after: str) -> bool:
    if after in _NEVER_FIRST or _is_opening(before) or (_is_katakana(before) and _is_katakana(after)):
        return False
    return is_unspaced(before) or is_unspaced(after) or (_is_wide_closing(before) and not _is_closing(after))


def _is_opening(character: str) -> bool:
    return unicodedata.category(character) in ("Ps", "Pi") or character in "¿¡"


def _is_closing(character: str) -> bool:
    return unicodedata.category(character) in ("Pe", "Pf", "Po")


def _is_wide_closing(character: str) -> bool:
    return is_wide(character) and _is_closing(character)


def _is_katakana(character: str) -> bool:
    return "\u30a1" <= character <= "\u30fa" or "\u30fc" <= character <= "\u30fe" or "\uff66" <= character <= "\uff9f"


_NO_WIDTH = frozenset({"Mn", "Me", "Cf", "Cc"})

_NEVER_FIRST = frozenset(
    ")]},.;:!?%»”’…‥"
    "、。，．・：；？！）］｝〕〉》」』】〙〗〟％‰℃"  # closing marks of East Asia
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶーゝゞヽヾ々〻"  # kana and marks that lean on what is before
    "؟،؛۔।॥ๆฯ"
)
