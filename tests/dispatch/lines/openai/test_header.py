"""The model's header before a text that comes in pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.lines.openai.header import Header, language_named


def fed(text: str, cuts: list[int]) -> tuple[str, str]:
    """Feed a text in pieces; return what came out, and the language."""
    header = Header()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    return "".join(map(header.feed, pieces)) + header.close(), header.language


@given(cuts=st.lists(st.integers(0, 200), max_size=8), text=st.text(max_size=30).map(str.lstrip))
def test_the_header_is_taken_off_however_it_is_cut(cuts: list[int], text: str) -> None:
    """And the text behind it is whole."""
    assert fed(f"language Chinese<asr_text>{text}", cuts) == (text, "Chinese")


@given(cuts=st.lists(st.integers(0, 200), max_size=8), text=st.text(max_size=30).filter(lambda text: "<" not in text))
def test_any_other_text_stays_whole_however_it_is_cut(cuts: list[int], text: str) -> None:
    """But for spaces at its beginning."""
    assert fed(text, cuts) == (text.lstrip(), "")


@pytest.mark.parametrize("text", ["language", "language is a virus", "languages differ", "lang", "language English"])
def test_text_that_only_begins_like_a_header_is_text(text: str) -> None:
    """People speak of languages."""
    assert fed(text, [1, 5, 9]) == (text, "")


def test_no_language_and_no_text_is_silence() -> None:
    """What the model writes where nobody speaks."""
    assert fed("language None<asr_text>", [10]) == ("", "")


@pytest.mark.parametrize(
    ("spelling", "name"), [("en", "English"), ("ENGLISH", "English"), ("zh-CN", "Chinese"), ("Klingon", ""), ("", "")]
)
def test_languages_are_known_by_name_and_code(spelling: str, name: str) -> None:
    """An unknown one is no error: the text is there."""
    assert language_named(spelling) == name
