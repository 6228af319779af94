"""Text into the words that a forced aligner times.

Owns the published rules: letters, numbers and apostrophes are kept and all else goes; ideographs stand alone, other
words are what white space separates. Japanese has no spaces, so there `nagisa` finds the words (extra `ja`); without
it, each kana is a word, too. The published aligner reads a Korean word in two pieces, the first two syllables and the
rest; whoever asked gets whole words. Pure, but that nagisa is imported where the first Japanese text comes.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

ALIGNED_LANGUAGES = (
    "Chinese", "English", "Cantonese", "French", "German", "Italian", "Japanese", "Korean", "Portuguese", "Russian",
    "Spanish",
)  # fmt: skip
"""Those that the published aligner was trained for."""

_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_KANA = re.compile(r"([\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d][\u3099\u309a\u30fc\uff70]*)")
_SYLLABLES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A word, and the pieces in which the aligner reads it: the word itself, but for Korean."""

    text: str
    pieces: tuple[str, ...]


def split_words(text: str, language: str = "") -> list[Unit]:
    """Split a transcript.

    Args:
        text: as it was recognised; emoji and punctuation vanish.
        language: a name of `harken.languages`; "" or several names for one that has no rules of its own.
    """
    if language == "Japanese":
        return [Unit(text=word, pieces=(word,)) for word in _japanese(text)]
    if language == "Korean":
        return [unit for word in text.split() if (unit := _korean(word)) is not None]
    return [Unit(text=word, pieces=(word,)) for word in by_characters_and_spaces(text)]


def by_characters_and_spaces(text: str) -> list[str]:
    """Split by the rule for all languages that have none of their own."""
    spaced = "".join(f" {character} " if is_ideograph(character) else character for character in text)
    return _cleaned(spaced.split())


def is_ideograph(character: str) -> bool:
    """Tell whether it is a Chinese character, as the published aligner counts them."""
    return any(low <= ord(character) <= high for low, high in _IDEOGRAPHS)


def has_nagisa() -> bool:
    """Tell whether Japanese words can be found, without importing anything."""
    return importlib.util.find_spec("nagisa") is not None


def japanese_by_characters(text: str) -> list[str]:
    """Split Japanese where `nagisa` is not installed: kanji and kana alone, other scripts by white space."""
    return by_characters_and_spaces(_KANA.sub(r" \1 ", text))


def _japanese(text: str) -> list[str]:
    if has_nagisa():
        return _cleaned(importlib.import_module("nagisa").tagging(text.strip()).words)
    return japanese_by_characters(text)


def _korean(word: str) -> Unit | None:
    """Cut as soynlp's LTokenizer without a dictionary does, of which transformers makes use."""
    pieces = _cleaned((word[:_SYLLABLES], word[_SYLLABLES:]))
    return Unit(text="".join(pieces), pieces=tuple(pieces)) if pieces else None


def _cleaned(words: Iterable[str]) -> list[str]:
    return [kept for word in words if (kept := "".join(filter(_is_kept, word)))]


def _is_kept(character: str) -> bool:
    return character == "'" or unicodedata.category(character)[0] in "LN" or is_ideograph(character)
