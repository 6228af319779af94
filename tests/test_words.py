"""Texts are compared by what was said, not by how it is spelt."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.words import WORDS_MAX, edits, words_of

WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


def naive(left: list[str], right: list[str]) -> int:
    """The usual table."""
    row = list(range(len(right) + 1))
    for i, wanted in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, word in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != word))
    return row[-1]


@pytest.mark.slow
@given(WORDS, WORDS)
def test_the_distance_is_that_of_the_usual_table(left: list[str], right: list[str]) -> None:
    """Whatever is empty, repeated or turned round."""
    assert edits(left, right) == edits(right, left) == naive(left, right)


def test_long_texts_are_compared_too() -> None:
    """Longer than any machine word: a word more at each end, and one changed in the middle."""
    words = [str(number) for number in range(300)]
    assert edits(words, ["x", *words[:150], "y", *words[151:], "z"]) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nine nine five.", "995"),
        ("八八二零", "8820"),
        ("It's FINE, isn’t it?", "its fine isnt it"),
        ("ＡＢＣ １２", "abc 1 2"),
        ("Straße", "STRASSE"),
        ("你好，世界！", "你 好 世 界"),
        ("", "…!?"),
    ],
)
def test_spelling_does_not_count(one: str, other: str) -> None:
    """Case, marks, width and the spelling of digits."""
    assert words_of(one) == words_of(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("早上好 Tom", ["早", "上", "好", "tom"]),
        ("für ein Mädchen", ["für", "ein", "mädchen"]),
        ("ありがとう", list("ありがとう")),
        ("안녕 세계", ["안녕", "세계"]),
        ("हिन्दी", ["हिन्दी"]),
    ],
)
def test_scripts_without_spaces_are_compared_by_characters_and_others_by_words(text: str, words: list[str]) -> None:
    """Marks that belong to a letter stay with it."""
    assert words_of(text) == words


@pytest.mark.slow
def test_a_text_without_end_costs_no_more_than_a_long_one() -> None:
    """A broken model may write anything; the comparison has a bound."""
    began = time.perf_counter()
    words = words_of("a " * 5_000_000)
    assert len(words) == WORDS_MAX
    assert len(words_of("a" * 5_000_000)[0]) < 100_000
    assert edits(words, words_of("b " * 5000)) == WORDS_MAX
    assert time.perf_counter() - began < 5.0
