"""What of a growing text is final, what is agreed on, and that final text stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.live.stable import AGREE_S, Shown, StableText


def agreed(text: str, hold_s: float = 0.0) -> StableText:
    """A turn whose drafts have said this for long enough; the last sound ends at 10 s."""
    stable = StableText(hold_s)
    for heard_s in (1.0, 5.0, 10.0):
        stable.take(text, heard_s)
    return stable


def test_drafts_agree_once_three_have_said_a_word_and_enough_sound_is_behind() -> None:
    """Not before; and nothing of it is final."""
    text = StableText(hold_s=0.0)
    assert text.take("one", 0.5) == Shown(delta="", tentative="one")
    assert text.take("one two", 1.0) == Shown(delta="", tentative="one two")
    assert text.take("one two", 0.4 + AGREE_S) == Shown(delta="", tentative="one two")
    assert text.take("one two three", 0.5 + AGREE_S) == Shown(delta="", tentative="one two three", stable=3)
    assert text.take("one two four", 1.0 + AGREE_S) == Shown(delta="", tentative="one two four", stable=7)
    assert (text.prefix, text.final) == ("one two", "")


def test_a_long_time_alone_is_no_agreement() -> None:
    """Three have to say the same."""
    text = StableText(hold_s=0.0)
    text.take("won", 0.5)
    assert text.take("one two", 9.0).stable == 0
    assert text.take("one two", 19.0).stable == 0
    assert text.take("one two", 20.0).stable == 7


def test_a_mark_waits_for_the_word_behind_it() -> None:
    """A full stop at the end of what was heard becomes a comma."""
    assert agreed("one.").prefix == "one"
    assert agreed("one, two").prefix == "one, two"


def test_what_drafts_agree_on_stays_though_a_later_one_says_otherwise() -> None:
    """It goes on behind the best alignment, until a piece is done."""
    text = agreed("one two")
    assert text.take("once too three four", 11.0) == Shown(delta="", tentative="one two three four", stable=7)
    assert text.done("once two") == Shown(delta="once two", tentative=" three four")


def test_final_is_what_pieces_say_to_the_letter() -> None:
    """Whatever drafts said; what they said behind it remains tentative."""
    text = agreed("hello world and more")
    assert text.done("Hello, world.") == Shown(delta="Hello, world.", tentative=" and more", stable=9)
    assert text.prefix == "and more"
    assert text.take("and more to come", 11.0) == Shown(delta="", tentative=" and more to come", stable=9)
    assert text.done(" And more to come.") == Shown(delta=" And more to come.", tentative="")
    assert text.finish() == Shown(delta="", tentative="")
    assert text.final == "Hello, world. And more to come."
    assert not text.is_at_odds


def test_words_may_be_final_before_their_piece_is_done() -> None:
    """At a price: what the piece says otherwise is not taken back."""
    text = StableText(hold_s=3.0)
    shown = [text.take("nine five", heard_s) for heard_s in (1.0, 2.0, 3.5, 4.0)]
    assert [one.delta for one in shown] == ["", "", "", "nine five"]
    assert text.prefix == "nine five"
    assert text.done("nine nine five six") == Shown(delta="", tentative="")
    assert text.is_at_odds
    assert text.finish() == Shown(delta=" six", tentative="")
    assert text.final == "nine five six"


def test_words_that_were_final_early_are_not_told_again() -> None:
    """The piece goes on where they end."""
    text = agreed("one two", hold_s=3.0)
    assert text.final == "one two"
    text.take("one two three", 10.5)
    assert text.done("one two three.") == Shown(delta=" three.", tentative="")
    assert not text.is_at_odds


def test_the_sound_before_a_place_takes_its_words_along() -> None:
    """Later drafts say the rest only; all of it is still shown."""
    text = agreed("one two, three four")
    assert text.move("One two.", 0.8)
    assert text.prefix == "three four"
    assert text.take("three four five", 11.0).tentative == "one two, three four five"
    assert text.done("One two, three four.") == Shown(delta="One two, three four.", tentative=" five")
    assert text.take("five six", 12.0).tentative == " five six"


@pytest.mark.parametrize("before", ["one two three", "six seven eight nine"])
def test_sound_that_says_more_or_something_else_is_not_let_go(before: str) -> None:
    """Its words would be lost, or said twice."""
    text = agreed("one two")
    assert not text.move(before, 0.8)
    assert text.prefix == "one two"


def test_sound_that_has_to_go_leaves_its_words() -> None:
    """All of them, those that no draft has agreed on too."""
    text = StableText(hold_s=0.0)
    text.take("one", 1.0)
    text.settle("one two three.")
    assert text.prefix == ""
    assert text.take("four", 5.0) == Shown(delta="", tentative="one two three four", stable=13)
    assert text.done("one two three four").delta == "one two three four"


def test_of_words_that_come_again_those_spoken_before_the_place_are_let_go() -> None:
    """The drafts that said them first tell."""
    text, words = StableText(hold_s=0.0), ["one", "two"] * 6
    for number in range(1, 13):
        for _ in range(3):
            text.take(" ".join(words[:number]), 0.5 * number)
    assert text.prefix == " ".join(words[:8])
    assert text.move("one two one two", 2.1)
    assert text.prefix == " ".join(words[4:8])


def test_a_text_that_begins_anew_gets_its_space() -> None:
    """After an anchor with nothing agreed on behind it; not where scripts have none."""
    text = StableText(hold_s=0.0)
    text.settle("one two.")
    assert text.take("three", 3.0) == Shown(delta="", tentative="one two three", stable=7)
    chinese = StableText(hold_s=0.0)
    chinese.settle("一二。")
    assert chinese.take("三", 3.0) == Shown(delta="", tentative="一二三", stable=2)


@given(
    drafts=st.lists(st.tuples(st.text("ab ,.一", max_size=12), st.floats(0.01, 2.0)), max_size=12),
    pieces=st.lists(st.text("ab ,.一", max_size=16), max_size=3),
    hold_s=st.sampled_from([0.0, 1.0, 3.0]),
)
def test_final_text_is_only_ever_added_to(drafts: list[tuple[str, float]], pieces: list[str], hold_s: float) -> None:
    """Whatever drafts and pieces say; and without early words it is what pieces say."""
    text, told, heard_s = StableText(hold_s), "", 0.0
    for number, (draft, more_s) in enumerate(drafts):
        heard_s += more_s
        told += text.take(draft, heard_s).delta
        if number < len(pieces) - 1:
            told += text.done(pieces[number]).delta
        assert text.final == told
    for piece in pieces[max(0, min(len(drafts), len(pieces) - 1)) :]:
        told += text.done(piece).delta
    told += text.finish().delta
    assert text.final == told
    if not hold_s:
        assert told == "".join(pieces)
        assert not text.is_at_odds


@given(
    words=st.lists(st.sampled_from(["one", "two", "three", "一", "二"]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=20),
)
def test_honest_drafts_end_in_the_final_text(words: list[str], cuts: list[int]) -> None:
    """Each says a beginning of it; early words cost nothing then."""
    final, text = " ".join(words), StableText(hold_s=2.0)
    for number, cut in enumerate(sorted(cuts)):
        text.take(" ".join(words[:cut]), 1.0 * number)
    text.done(final)
    text.finish()
    assert text.final == final
    assert not text.is_at_odds
