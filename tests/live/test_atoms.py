"""How a text is read as atoms, and where the beginning of one ends in another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.live.atoms import atoms_of, best_prefix


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("", []),
        ("one two", ["one", " two"]),
        ("It's 3.14, e-mail: ok", ["It's", " 3.14", ",", " e-mail", ":", " ok"]),
        ("一二，三。", ["一", "二", "，", "三", "。"]),
        ("a一b", ["a", "一", "b"]),
        ("don’t stop…", ["don’t", " stop", "…"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
    ],
)
def test_a_text_is_read_as_words_characters_and_marks(text: str, atoms: list[str]) -> None:
    """A mark inside a word belongs to it."""
    assert atoms_of(text) == atoms


@given(text=st.text(max_size=60))
def test_atoms_are_the_text(text: str) -> None:
    """But for white space at its end."""
    assert "".join(atoms_of(text)) == text.rstrip()


@given(wanted=st.lists(st.sampled_from("abc"), max_size=6), text=st.lists(st.sampled_from("abc"), max_size=8))
def test_the_best_beginning_is_at_the_least_distance(wanted: list[str], text: list[str]) -> None:
    """Against trying all."""

    def distance(left: list[str], right: list[str]) -> int:
        if not left or not right:
            return len(left) + len(right)
        same = left[-1] == right[-1]
        return min(
            distance(left[:-1], right[:-1]) + (not same), distance(left[:-1], right) + 1, distance(left, right[:-1]) + 1
        )

    count, edits = best_prefix(wanted, text)
    distances = [distance(wanted, text[:place]) for place in range(len(text) + 1)]
    assert edits == min(distances) == distances[count]
