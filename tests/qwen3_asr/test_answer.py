"""Header and text are told apart, in finished answers and in answers that are still being written."""

from __future__ import annotations

import pytest

from harken.languages import NAMES
from harken.qwen3_asr.answer import parse_answer


@pytest.mark.parametrize(
    ("raw", "text", "language"),
    [
        ("language English<asr_text>three one four", "three one four", "English"),
        ("language Chinese<asr_text>三一四", "三一四", "Chinese"),
        ("language English<asr_text>  padded \n", "padded", "English"),
        ("language None<asr_text>", "", ""),
        ("language none<asr_text>", "", ""),
        ("language None<asr_text>hm", "hm", ""),
        ("", "", ""),
        ("  \n", "", ""),
        ("language Chinese,English<asr_text>你好 hello", "你好 hello", "Chinese,English"),
        ("language Chinese, english ,Chinese<asr_text>x", "x", "Chinese,English"),
        ("LANGUAGE ENGLISH<asr_text>x", "x", "English"),
        ("language <asr_text>x", "x", ""),
        ("<asr_text>x", "x", ""),
        ("English<asr_text>x", "x", "English"),
        ("\nlanguage English\n<asr_text>x", "x", "English"),
        ("language English<asr_text>a<asr_text>b", "a<asr_text>b", "English"),
        ("no header at all", "no header at all", ""),
        ("language learning is fun", "language learning is fun", ""),
        ("languages differ", "languages differ", ""),
    ],
)
def test_an_answer_is_split_into_text_and_language(raw: str, text: str, language: str) -> None:
    """Single, mixed, absent and unreadable headers."""
    assert parse_answer(raw) == (text, language)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("three one four ", "three one four"),
        ("", ""),
        ("language English<asr_text>three", "three"),
        ("<asr_text>three", "three"),
        ("language learning is fun", "language learning is fun"),
        ("three<asr_text> one", "three one"),
    ],
)
def test_a_forced_language_leaves_all_text(raw: str, text: str) -> None:
    """The prompt has named the language: what follows is text, but for a header that is said again."""
    assert parse_answer(raw, forced="English") == (text, "English")


@pytest.mark.parametrize("header", [*(f"language {name}" for name in NAMES), "language None", "language Thai,English"])
def test_no_piece_of_a_header_is_ever_shown_as_text(header: str) -> None:
    """However the answer is cut while it is written, the text is empty until the header has ended."""
    for end in range(len(header) + 1):
        assert parse_answer(header[:end]) == ("", "")
    assert parse_answer(f"{header}<asr_text>x")[0] == "x"
