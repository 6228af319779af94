"""How wrong an answer is, held against jiwer itself."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.texts import TextErrors, errors_of
from harken.words import edits

TEXTS = st.lists(st.sampled_from(["ab", "cd", "e", "ff"]), max_size=8).map(" ".join)


@given(TEXTS.filter(bool), TEXTS)
def test_rates_are_jiwers(reference: str, heard: str) -> None:
    """On texts that need no normalisation; and our own distance agrees."""
    found = errors_of(reference, heard)
    assert found.word_errors / found.words == pytest.approx(jiwer.wer(reference, heard))
    assert found.word_errors == edits(reference.split(), heard.split())
    letters = reference.replace(" ", ""), heard.replace(" ", "")
    assert found.character_errors / found.characters == pytest.approx(jiwer.cer(*letters))


@pytest.mark.parametrize(
    ("reference", "heard"),
    [
        ("Nine nine five.", "995"),
        ("八八二零", "8820"),
        ("It's fine", "ITS FINE!"),
        ("你好，世界", "你 好 世 界"),
        ("", "…"),
    ],
)
def test_spelling_is_no_error(reference: str, heard: str) -> None:
    """As the canary and the shadow sample see it."""
    found = errors_of(reference, heard)
    assert (found.word_errors, found.character_errors) == (0, 0)


def test_errors_are_told_apart() -> None:
    """One other, one missing, one too many."""
    found = errors_of("the cat sat on the mat", "the dog sat the mat now")
    assert (found.words, found.substitutions, found.deletions, found.insertions) == (6, 1, 1, 1)


def test_chinese_is_compared_by_characters() -> None:
    """Nobody knows its words without a dictionary."""
    assert errors_of("今天天气好", "今天天汽好").word_errors == 1


@pytest.mark.parametrize(
    ("reference", "heard", "words", "deletions", "insertions", "characters"),
    [("one two", "", 2, 2, 0, 2), ("", "hello you", 0, 0, 2, 8), ("", "", 0, 0, 0, 0)],
)
def test_nothing_said_or_nothing_heard_counts(
    reference: str, heard: str, words: int, deletions: int, insertions: int, characters: int
) -> None:
    """A model that speaks into silence is wrong."""
    assert errors_of(reference, heard) == TextErrors(
        words=words, substitutions=0, deletions=deletions, insertions=insertions, characters=words,
        character_errors=characters,
    )  # fmt: skip
