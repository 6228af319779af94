"""Where sentences, clauses and words end."""

from __future__ import annotations

import pytest

from harken.transcribe.breaks import Strength, breaks_between
from harken.transcribe.result import PlacedTranscript
from harken.transcribe.timing import timed_atoms
from harken.types import Word
from tests.transcribe.recordings import piece, recording


def strengths(*pieces: PlacedTranscript) -> list[Strength]:
    """The breaks between the atoms."""
    result = recording(*pieces)
    return [one.strength for one in breaks_between(result.text, timed_atoms(result))][1:-1]


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("Yes. No", Strength.SENTENCE),
        ("“Yes!” No", Strength.SENTENCE),
        ("да? Нет", Strength.SENTENCE),
        ("क्या। हाँ", Strength.SENTENCE),
        ("نعم؟ لا", Strength.SENTENCE),
        ("Dr. No", Strength.CLAUSE),
        ("J. Bond", Strength.CLAUSE),
        ("z.B. Bern", Strength.CLAUSE),
        ("approx. ten", Strength.CLAUSE),
        ("yes, no", Strength.CLAUSE),
        ("(yes) no", Strength.CLAUSE),
        ("yes no", Strength.WORD),
        ("很好。好", Strength.SENTENCE),
        ("好，好", Strength.CLAUSE),
        ("好好", Strength.PART),
        ("た東", Strength.WORD),
        ("東た", Strength.PART),
    ],
)
def test_marks_say_what_ends(text: str, strength: Strength) -> None:
    """Abbreviations end nothing; endings in hiragana stay with their word."""
    assert strengths(piece(text, 0, 2))[-1] is strength


def test_pauses_say_it_too() -> None:
    """A short one ends a clause, a long one a sentence, whatever the marks say; pieces are cut at pauses."""
    words = (
        Word(text="one", start_s=0.0, end_s=0.4),
        Word(text="two", start_s=0.5, end_s=0.9),
        Word(text="three", start_s=1.4, end_s=1.8),
        Word(text="four", start_s=3.0, end_s=3.4),
    )
    spoken = piece("one two three four", 0.0, 4.0, words=words)
    assert strengths(spoken) == [Strength.WORD, Strength.CLAUSE, Strength.SENTENCE]
    assert strengths(piece("one", 0.0, 1.0), piece("two", 1.0, 2.0)) == [Strength.CLAUSE]


def test_nothing_has_no_breaks() -> None:
    """Silence."""
    assert breaks_between("", []) == []
