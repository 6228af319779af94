"""What Qwen3-ASR writes before the text: "language English<asr_text>". Pure.

A server that passes the model's words on as they come (vLLM, when it streams) lets it through, and tells the language
nowhere else. Invariant: text that is no header comes out unchanged but for spaces at its beginning, at the latest when
it is closed.
"""

from __future__ import annotations

import re

from harken.errors import UnknownLanguage
from harken.languages import parse_language

_HEADER = re.compile(r"\s*language ([A-Za-z]+)<asr_text>")
_HEADER_PART = re.compile(r"language( [A-Za-z]{0,20}(<[a-z_]{0,8})?)?")


def language_named(spelling: str) -> str:
    """The name of a language for any spelling that we know of it, else ""."""
    try:
        return parse_language(spelling) or ""
    except UnknownLanguage:
        return ""


class Header:
    """Takes Qwen3-ASR's header off the beginning of a text that comes in pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._is_over = False
        self.language = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what of it is text for sure."""
        if self._is_over:
            return text
        self._held += text
        begun = self._held.lstrip()
        if found := _HEADER.match(self._held):
            self.language = language_named(found[1])
            self._held = self._held[found.end() :].lstrip()
            # Spaces behind the header are its own: the text begins with the first letter.
            return self.close() if self._held else ""
        if "language ".startswith(begun) or _HEADER_PART.fullmatch(begun):
            return ""
        return self.close()

    def close(self) -> str:
        """There is no more: return what was held back."""
        held, self._held, self._is_over = self._held.lstrip(), "", True
        return held
