"""What the pages call the server's error codes, held against the codes that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import harken
from harken.errors import leaves

HOME = Path(harken.__file__).parent
FILE = HOME / "api" / "static" / "ui" / "error_words.js"
LINE = re.compile(r'^    "(?P<kind>outcome|error)\.(?P<code>\w+)": "(?P<text>[^"]+)",$', re.MULTILINE)
CODE = re.compile(r'^    code(?:: ClassVar\[str\])? = "(\w+)"$', re.MULTILINE)
COMMANDS = ("cli", "ops")
"""Rooms whose errors end a command and reach no page."""


def codes() -> set[str]:
    """All that a page may be told, read from the source: a room that nobody imports here counts too."""
    return {
        code
        for path in HOME.rglob("*.py")
        if path.relative_to(HOME).parts[0] not in COMMANDS
        for code in CODE.findall(path.read_text(encoding="utf-8"))
    }


def table(language: str) -> Iterator[tuple[str, str, str]]:
    """Lines of one language: kind of word, code, text."""
    english, _, chinese = FILE.read_text(encoding="utf-8").partition('"zh-CN": {')
    for line in LINE.finditer(english if language == "en" else chinese):
        yield line["kind"], line["code"], line["text"]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", ["outcome", "error"])
def test_every_code_of_the_server_has_its_words_in_both_languages(kind: str, language: str) -> None:
    """A word or two, and a sentence; a code that is gone has none."""
    assert sorted(code for of, code, _ in table(language) if of == kind) == sorted(codes())


def test_the_source_is_read_right() -> None:
    """Every code of the tree is found in it."""
    assert {code for code, kind in leaves().items() if kind.__module__ == "harken.errors"} < codes()


def test_each_language_is_itself() -> None:
    """Nothing was left in English by mistake, and outcomes are short enough for a table."""
    for kind, code, text in table("zh-CN"):
        assert re.search(r"[\u4e00-\u9fff]", text), code
        assert kind == "error" or len(text) <= 8, code
    for _, code, text in table("en"):
        assert text.isascii(), code
