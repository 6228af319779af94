"""The page's English words, read from its modules: what a terminal must say as well."""

from __future__ import annotations

import re
from pathlib import Path

import harken

_FOLDER = Path(harken.__file__).parent / "api" / "static" / "ui"
_FILES = ("dashboard_words.js", "error_words.js")
_WORD = re.compile(r'^\s*"(?P<key>[\w.]+)": "(?P<text>[^"]*)",$', re.MULTILINE)


def dashboard_words() -> dict[str, str]:
    """Key → sentence."""
    english = "".join((_FOLDER / name).read_text(encoding="utf-8").partition('"zh-CN"')[0] for name in _FILES)
    return {found["key"]: found["text"] for found in _WORD.finditer(english)}
