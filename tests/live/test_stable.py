"""What of a growing text is committed, and that it stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.live.stable import Shown, StableText, atoms_of, best_prefix


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


def test_a_word_is_committed_once_three_drafts_and_enough_sound_agree() -> None:
    """Not before."""
    text = StableText(hold_s=1.0)
    assert text.take("one", 0.5) == Shown(delta="", tentative="one")
    assert text.take("one two", 1.0) == Shown(delta="", tentative="one two")
    assert text.take("one two", 1.4) == Shown(delta="", tentative="one two")
    assert text.take("one two three", 1.5) == Shown(delta="one", tentative=" two three")
    assert text.take("one two four", 2.0) == Shown(delta=" two", tentative=" four")
    assert text.committed == "one two"


def test_a_long_time_alone_is_no_agreement() -> None:
    """Three have to say the same."""
    text = StableText(hold_s=1.0)
    text.take("won", 0.5)
    assert text.take("one two", 9.0).delta == ""
    assert text.take("one two", 19.0).delta == ""
    assert text.take("one two", 20.0).delta == "one two"


def test_a_mark_waits_for_the_word_behind_it() -> None:
    """A full stop at the end of what was heard becomes a comma."""
    text = StableText(hold_s=0.0)
    for heard_s in (0.1, 0.2):
        text.take("one.", heard_s)
    assert text.take("one.", 1.0) == Shown(delta="one", tentative=".")
    for heard_s in (1.5, 1.6):
        assert text.take("one, two", heard_s) == Shown(delta="", tentative=", two")
    assert text.take("one, two", 2.0).delta == ", two"


def test_what_a_later_draft_says_otherwise_does_not_change_what_was_committed() -> None:
    """It goes on behind the best alignment."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("one two", heard_s)
    assert text.take("once too three four", 3.0) == Shown(delta="", tentative=" three four")
    text.take("one two three four", 3.5)
    assert text.take("two three four", 4.0).delta == " three four"
    assert text.committed == "one two three four"


def test_the_final_text_is_the_models_where_it_begins_with_what_was_committed() -> None:
    """With its own marks and spaces."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("Hello", heard_s)
    assert text.finish("Hello, world.") == Shown(delta=", world.", tentative="")
    assert text.committed == "Hello, world."
    assert not text.is_at_odds


def test_a_final_text_that_says_otherwise_leaves_what_was_committed() -> None:
    """And it is known that it did."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("nine five", heard_s)
    assert text.finish("nine nine five six") == Shown(delta=" six", tentative="")
    assert text.committed == "nine five six"
    assert text.is_at_odds


def test_the_sound_before_a_place_takes_its_words_along() -> None:
    """Later drafts say the rest only."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("one two, three four", heard_s)
    assert text.move("One two.", 0.8)
    assert text.prefix == "three four"
    assert text.take("three four five", 3.0) == Shown(delta="", tentative=" five")
    text.take("three four five", 3.5)
    assert text.take("three four five", 4.0).delta == " five"
    assert text.committed == "one two, three four five"


@pytest.mark.parametrize("before", ["one two three", "six seven eight nine"])
def test_sound_that_says_more_or_something_else_is_not_let_go(before: str) -> None:
    """Its words would be lost, or said twice."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("one two", heard_s)
    assert not text.move(before, 0.8)
    assert text.prefix == "one two"


def test_sound_that_has_to_go_leaves_its_words() -> None:
    """All of them, those that no draft has agreed on too."""
    text = StableText(hold_s=9.0)
    text.take("one", 1.0)
    assert text.settle("one two three.") == Shown(delta="one two three", tentative="")
    assert text.take("four", 5.0) == Shown(delta="", tentative=" four")
    assert text.finish("one two three four").delta == " four"
    assert not text.is_at_odds


def test_of_words_that_come_again_those_spoken_before_the_place_are_let_go() -> None:
    """The drafts that said them first tell."""
    text, words = StableText(hold_s=0.0), ["one", "two"] * 6
    for number in range(1, 13):
        for _ in range(3):
            text.take(" ".join(words[:number]), 0.5 * number)
    assert text.move("one two one two", 2.1)
    assert text.prefix == " ".join(words[4:])


def test_a_text_that_begins_anew_gets_its_space() -> None:
    """After an anchor with nothing committed behind it."""
    text = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        text.take("one two", heard_s)
    assert text.settle("one two.") == Shown(delta="", tentative="")
    assert text.take("three", 3.0) == Shown(delta="", tentative=" three")
    chinese = StableText(hold_s=0.0)
    for heard_s in (1.0, 1.5, 2.0):
        chinese.take("一二", heard_s)
    chinese.settle("一二。")
    assert chinese.take("三", 3.0) == Shown(delta="", tentative="三")


@given(
    drafts=st.lists(st.tuples(st.text("ab ,.一", max_size=12), st.floats(0.01, 1.0)), max_size=12),
    final=st.text("ab ,.一", max_size=16),
)
def test_committed_text_is_only_ever_added_to(drafts: list[tuple[str, float]], final: str) -> None:
    """Whatever drafts and the final text say."""
    text, told, heard_s = StableText(hold_s=0.5), "", 0.0
    for draft, more_s in drafts:
        heard_s += more_s
        told += text.take(draft, heard_s).delta
        assert text.committed == told
    told += text.finish(final).delta
    assert text.committed == told


@given(
    words=st.lists(st.sampled_from(["one", "two", "three", "一", "二"]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=20),
)
def test_honest_drafts_end_in_the_final_text(words: list[str], cuts: list[int]) -> None:
    """Each says a beginning of it."""
    final, text = " ".join(words), StableText(hold_s=0.3)
    for number, cut in enumerate(sorted(cuts)):
        text.take(" ".join(words[:cut]), 0.2 * number)
    text.finish(final)
    assert text.committed == final
    assert not text.is_at_odds


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
