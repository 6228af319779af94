"""Rules of harken.qwen3_asr.words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.qwen3_asr.words import has_nagisa, japanese_by_characters, split_words
from tests.qwen3_asr import aligner_reference

_TEXT = st.text(st.sampled_from("ab Zé'’-.,1२三你好ー𠀀かカ한글 \n\t\u3000😀́") | st.characters(), max_size=40)


def _texts(text: str, language: str = "") -> list[str]:
    return [unit.text for unit in split_words(text, language)]


@given(text=_TEXT)
def test_words_are_those_of_transformers(text: str) -> None:
    """Ideographs single, other words by white space, letters, numbers and apostrophes kept."""
    assert _texts(text) == aligner_reference.split_words(text)


@given(text=_TEXT)
def test_the_pieces_of_korean_are_those_of_soynlp_without_a_dictionary(text: str) -> None:
    """The first two characters, the rest; so the package, and what it pulls in, is not needed."""
    pieces = [piece for unit in split_words(text, "Korean") for piece in unit.pieces]
    cut = [part for word in text.split() for part in (word[:2], word[2:]) if part]
    assert pieces == aligner_reference.clean_words(cut)


def test_korean_words_come_whole() -> None:
    """The aligner reads them in pieces; whoever asked does not see that."""
    units = split_words("안녕하세요, 저는 학생입니다!", "Korean")
    assert [unit.text for unit in units] == ["안녕하세요", "저는", "학생입니다"]
    assert [unit.pieces for unit in units] == [("안녕", "하세요"), ("저는",), ("학생", "입니다")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop -- it's 3.14!", ["Don't", "stop", "it's", "314"]),
        ("三一四 one二", ["三", "一", "四", "one", "二"]),
        ("12 345", ["12", "345"]),
        ("😀 👍🏽", []),
        ("... -- !?", []),
        ("", []),
        ("a" * 500, ["a" * 500]),
        ("good😀morning", ["goodmorning"]),
    ],
)
def test_what_is_no_word_vanishes(text: str, expected: list[str]) -> None:
    """Punctuation and emoji have no sound; digits and long words are words like others."""
    assert _texts(text, "English") == expected


def test_japanese_without_its_package_falls_back_to_characters() -> None:
    """Every kanji and kana by itself, with its long-vowel mark; other scripts by white space. It never fails."""
    assert japanese_by_characters("東京タワーへ、ようこそ！ Hello world 2026") == [
        *("東", "京", "タ", "ワー", "へ", "よ", "う", "こ", "そ"), "Hello", "world", "2026",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not has_nagisa(), reason="the extra 'ja' is not installed")
def test_japanese_words_are_those_of_transformers() -> None:
    """With `nagisa`, whose words both take."""
    text = "今日はいい天気ですね。東京タワーへようこそ！"
    assert _texts(text, "Japanese") == aligner_reference.split_words(text, "Japanese")
    assert "天気" in _texts(text, "Japanese")
