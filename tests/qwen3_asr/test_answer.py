"""Header and text are told apart, in finished answers and in answers that are still being written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harken.languages import NAMES
from harken.qwen3_asr.answer import AnswerReader, parse_answer


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
        ("language English<asr_text>a<asr_text>b", "ab", "English"),
        ("language English<asr_text><asr_text>a", "a", "English"),
        ("language English<asr_text>language English<asr_text>a", "a", "English"),
        ("language Englishlanguage English<asr_text>a", "a", "English"),
        ("language English language Thai <asr_text>a", "a", "English,Thai"),
        ("language English<asr_text>one language Chinese<asr_text>二", "one 二", "English,Chinese"),
        ("language None<asr_text>language English<asr_text>one", "one", "English"),
        ("language English<asr_text>one language english", "one language english", "English"),
        ("language English three one", "three one", "English"),
        ("language english\nthree one", "three one", "English"),
        ("language English, Chinese: 你好", ": 你好", "English,Chinese"),
        ("language None hm", "hm", ""),
        ("language English", "", ""),
        ("language English<asr", "", ""),
        ("language Englishman", "language Englishman", ""),
        ("language Klingon<asr_text>x", "x", ""),
        ("language Malayalam<asr_text>x", "x", ""),
        ("language Engli\u017fh<asr_text>x", "language Engli\u017fhx", ""),
        ("three one<asr_text> four", "three one four", ""),
        ("language English three<asr_text> one", "three one", "English"),
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
        ("language Chinese<asr_text>three", "three"),
        ("language<asr_text>three", "three"),
        ("language Klingon<asr_text>three", "three"),
        ("language English three", "three"),
        ("language English", ""),
        ("language english is spoken", "language english is spoken"),
        ("English<asr_text> three", "English three"),
        ("one language English<asr_text>two", "one two"),
        ("languagelanguage English<asr_text>two", "languagetwo"),
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


_PIECES = (
    "language", " English", "language ", "None", " Chi", "nese", ",", " ", "\n", "<asr_text>", "<asr", "_text>", "l",
    "an", "guage", "one", "三", "Klingon", "\u017f", "\u0130",
)  # fmt: skip


@given(pieces=st.lists(st.sampled_from(_PIECES), max_size=14), forced=st.sampled_from([None, "English"]))
@example(pieces=["language", " English", "<asr_text>", "one", " ", "l", "an", "d"], forced=None)
@example(pieces=["x", "language", " English", "<asr_text>", "one"], forced="English")
@example(pieces=["\u0130", "language", " English", "<asr_text>", "one"], forced="English")
def test_what_a_reader_settles_is_the_beginning_of_the_final_text(pieces: list[str], forced: str | None) -> None:
    """For any pieces: headers and marks anywhere, broken ones among them; nothing that was shown is taken back."""
    reader = AnswerReader(forced=forced)
    final, _ = parse_answer("".join(pieces), forced=forced)
    settled = "".join(map(reader.read, pieces)).strip()
    assert final.startswith(settled)
    assert "<asr_text>" not in final


@pytest.mark.parametrize("forced", [None, "English"])
def test_a_reader_settles_words_as_they_come(forced: str | None) -> None:
    """Only what may become a header, or a mark, waits for the next piece."""
    reader = AnswerReader(forced=forced)
    begin = [] if forced else ["language", " English", "<asr_text>"]
    assert [reader.read(piece) for piece in begin] == [""] * len(begin)
    pieces = ["one", " two", " l", "ast", " language", " learn", "ing", " <", "3"]
    settled = ["one", " two", " ", "last", " ", "language learn", "ing", " ", "<3"]
    assert [reader.read(piece) for piece in pieces] == settled
