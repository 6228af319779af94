"""The thirty languages of Qwen3-ASR: the names its prompt uses, and their codes.

Clients may write a name or a code in any case ("English", "en", "EN"); inside Harken there are only names.
"""

from __future__ import annotations

import re

from harken.errors import UnknownLanguage

CODES: dict[str, str] = {
    "Chinese": "zh",
    "English": "en",
    "Cantonese": "yue",
    "Arabic": "ar",
    "German": "de",
    "French": "fr",
    "Spanish": "es",
    "Portuguese": "pt",
    "Indonesian": "id",
    "Italian": "it",
    "Korean": "ko",
    "Russian": "ru",
    "Thai": "th",
    "Vietnamese": "vi",
    "Japanese": "ja",
    "Turkish": "tr",
    "Hindi": "hi",
    "Malay": "ms",
    "Dutch": "nl",
    "Swedish": "sv",
    "Danish": "da",
    "Finnish": "fi",
    "Polish": "pl",
    "Czech": "cs",
    "Filipino": "fil",
    "Persian": "fa",
    "Greek": "el",
    "Romanian": "ro",
    "Hungarian": "hu",
    "Macedonian": "mk",
}
"""Name → code, in the order of the published checkpoints."""

NAMES: tuple[str, ...] = tuple(CODES)

_BY_SPELLING: dict[str, str] = {name.lower(): name for name in CODES} | {code: name for name, code in CODES.items()}

_LOCALE = re.compile(r"[-_]")

WITHOUT_SPACES: frozenset[str] = frozenset({"Chinese", "Cantonese", "Japanese", "Thai"})
"""Languages written without spaces between words: pieces of their text are joined directly."""

_UNSPACED = (
    (0x0E00, 0x0E7F),  # Thai
    (0x2E80, 0x2FDF),  # CJK radicals
    (0x3005, 0x3007),  # 々 〆 〇
    (0x3040, 0x312F),  # kana, bopomofo
    (0x31A0, 0x31FF),  # bopomofo and katakana extensions
    (0x3400, 0x4DBF),  # ideographs, extension A
    (0x4E00, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF66, 0xFF9F),  # half-width katakana
    (0x20000, 0x323AF),  # ideographs, further extensions
)


def parse_language(spelling: str | None, known: tuple[str, ...] = NAMES) -> str | None:
    """Return the name for a name or code in any case; None for "", "auto" or None.

    What follows the code in a locale (zh-CN, en_US), as browsers and phones send it, is not looked at.

    Raises:
        UnknownLanguage: it is no language of `known`; the message lists those.
    """
    cleaned = (spelling or "").strip().lower()
    if cleaned in ("", "auto"):
        return None
    name = _BY_SPELLING.get(cleaned) or _BY_SPELLING.get(_LOCALE.split(cleaned)[0])
    if name is None or name not in known:
        choices = ", ".join(f"{language} ({CODES[language]})" for language in known)
        message = f"Language {(spelling or '')[:40]!r} is not known. Use auto or one of: {choices}."
        raise UnknownLanguage(message, field="language")
    return name


def is_unspaced(character: str) -> bool:
    """Say whether it belongs to a script that is written without spaces between words (Korean is not one)."""
    point = ord(character)
    return any(first <= point <= last for first, last in _UNSPACED)
