"""Rules of training.score."""

from __future__ import annotations

import pytest

from training.score import edits, score


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [((), (), 0), ((1, 2, 3), (1, 2, 3), 0), ((1, 2, 3), (1, 3), 1), ((9, 9), (9, 9, 9), 1), ((1, 2), (2, 1), 2)],
)
def test_edits_count_insertions_deletions_and_replacements(
    said: tuple[int, ...], heard: tuple[int, ...], wrong: int
) -> None:
    """The usual distance, both ways."""
    assert edits(said, heard) == wrong
    assert edits(heard, said) == wrong


def test_the_rate_is_over_digits_and_not_over_strings() -> None:
    """One error in a string of ten and none in a string of two is 1 of 12."""
    result = score([(range(10), [*range(9), 0], True), ((1, 2), (1, 2), False)])
    assert result.rate == 1 / 12
    assert (result.strings, result.exact, result.language_right) == (2, 1, 1)
