"""Atoms: where a line may break."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.atoms import LINE, atoms_of, shown


def cut(text: str) -> list[str]:
    """The atoms' texts."""
    return [text[atom.begin : atom.end] for atom in atoms_of(text)]


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("state-of-the-art work, isn't it?", ["state-of-the-art", "work,", "isn't", "it?"]),
        ("很好，我用iPhone。好", ["很", "好，", "我", "用", "iPhone。", "好"]),
        ("他说「你好」。", ["他", "说", "「你", "好」。"]),
        ("コンピューターを買った", ["コンピューター", "を", "買っ", "た"]),
        ("« Vraiment ? » dit-il", ["« Vraiment ? »", "dit-il"]),
        ("เก่ง", ["เก่", "ง"]),
        ("바다에 갔다", ["바다에", "갔다"]),
        ("ok 👨‍👩‍👧👍🏽 ok", ["ok", "👨‍👩‍👧👍🏽", "ok"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_a_line_breaks_at_spaces_and_between_characters_that_may_stand_at_an_edge(text: str, atoms: list[str]) -> None:
    """Words stay whole; closing marks and small kana begin no line, opening marks end none."""
    assert cut(text) == atoms


def test_what_is_one_character_to_the_reader_is_never_cut() -> None:
    """Even in a run that is too long for a line: families, flags and accents stay whole."""
    for one in ("👨‍👩‍👧", "🇩🇪", "e\u0301", "👍🏽"):
        for atom in cut(one * 100):
            assert len(atom) % len(one) == 0, atom


@given(st.text(max_size=200))
def test_atoms_hold_everything_but_white_space_and_fit_on_a_line(text: str) -> None:
    """Nothing is lost, nothing overlaps, nothing is too wide."""
    atoms = atoms_of(text)
    rest = text
    for atom in reversed(atoms):
        rest = rest[: atom.begin] + rest[atom.end :]
        assert atom.width <= LINE
    assert not rest.strip()
    assert all(left.end <= right.begin for left, right in pairwise(atoms))


def test_what_the_eye_cannot_see_is_not_shown() -> None:
    """Control codes and line breaks do not reach a subtitle."""
    assert shown("a\x00b\n\n c\ufeff\u2028d") == "ab c d"
