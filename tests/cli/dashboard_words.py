"""The page's English words, read from its module: what a terminal must say as well."""

from __future__ import annotations

import re
from pathlib import Path

import harken

_FILE = Path(harken.__file__).parent / "api" / "static" / "ui" / "dashboard_words.js"
_WORD = re.compile(r'^\s*"(?P<key>[\w.]+)": "(?P<text>[^"]*)",$', re.MULTILINE)


def dashboard_words() -> dict[str, str]:
    """Key → sentence."""
    english = _FILE.read_text().partition('"zh-CN"')[0]
    return {found["key"]: found["text"] for found in _WORD.finditer(english)}
