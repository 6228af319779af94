"""Which recording is sent as the n-th."""

from __future__ import annotations

from collections import Counter

from harken.bench.load.classes import WantedClass
from harken.bench.load.deck import Deck, deck_of
from tests.bench.load.making import a_take

A, B, C = ([a_take(1, f"{kind}{number}", kind=kind) for number in range(3)] for kind in "abc")


def test_every_recording_is_sent_once_before_one_is_sent_again() -> None:
    """In an order of each block's own."""
    deck = deck_of(A + B + C, (), seed=1)
    blocks = [[deck[turn].name for turn in range(first, first + 9)] for first in (0, 9, 18)]
    assert all(len(set(block)) == 9 for block in blocks)
    assert blocks[0] != blocks[1] != blocks[2]


def test_classes_come_by_their_shares() -> None:
    """In every block, and all recordings of a class in their turn."""
    deck = Deck([A, B], [4, 1], seed=1)
    for first in range(0, 50, 5):
        assert Counter(deck[turn].kind for turn in range(first, first + 5)) == {"a": 4, "b": 1}
    assert {deck[turn].name for turn in range(15)} == {take.name for take in A + B}


def test_the_nth_depends_on_the_seed_and_n_alone() -> None:
    """However often and in whatever order it is asked."""
    one, other = Deck([A, B, C], [1, 2, 3], seed=1), Deck([A, B, C], [1, 2, 3], seed=1)
    forwards = [one[turn].name for turn in range(60)]
    assert forwards == [other[turn].name for turn in reversed(range(60))][::-1]
    assert forwards != [Deck([A, B, C], [1, 2, 3], seed=2)[turn].name for turn in range(60)]


def test_a_deck_knows_whether_any_text_is_known() -> None:
    """One is enough; that nothing is said is known too."""
    assert not deck_of(A + B, (), seed=1).has_text
    assert deck_of([*A, a_take(1, text="")], (), seed=1).has_text


def test_wanted_classes_are_made() -> None:
    """With their shares."""
    deck = deck_of(A, (WantedClass(seconds=2, share=3), WantedClass(seconds=4)), seed=1)
    assert Counter(deck[turn].kind for turn in range(8)) == {"2 s": 6, "4 s": 2}
