"""How fast a text can be spoken at most: the bound that tells a real repetition from a model's loop. Pure.

Deliberately far above what people do (fast rap has about 12 syllables a second, an auctioneer 25 letters): what is
faster than this was not said by anybody. It knows characters and nothing of languages.
"""

from __future__ import annotations

import unicodedata

from harken.languages import is_unspaced

_LETTER_S = 1 / 40
_SYLLABLE_S = 1 / 15


def least_s(text: str) -> float:
    """The shortest time in which a text can be spoken, in seconds; marks and spaces take none.

    A letter of an alphabet counts as a fortieth of a second; a digit, and a character that stands for a syllable or
    more (CJK, kana, Hangul), as a fifteenth.
    """
    return sum(_least_s_of(character) for character in text)


def _least_s_of(character: str) -> float:
    if not character.isalnum():
        return 0.0
    if character.isdigit() or is_unspaced(character) or _is_hangul(character):
        return _SYLLABLE_S
    return _LETTER_S


def _is_hangul(character: str) -> bool:
    return "가" <= unicodedata.normalize("NFC", character) <= "힣"
