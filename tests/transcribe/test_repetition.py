"""Loops in text: found, told from real repetition, taken down to one round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.pace import least_s
from harken.transcribe.repetition import has_loop, repeated_tail, without_loops, without_tail


def test_marks_take_no_time_and_syllables_more_than_letters() -> None:
    """A digit or an ideograph is a syllable; spaces and marks are not said."""
    assert least_s("... !?") == 0.0
    assert least_s("a" * 40) == pytest.approx(1.0)
    assert least_s("哈" * 15) == least_s("가" * 15) == least_s("9" * 15) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "audio_s", "is_loop"),
    [
        ("the " * 200, 10.0, True),
        ("哈" * 200, 10.0, True),
        ("!" * 21, 30.0, True),
        ("I think that, " * 60, 10.0, True),
        ("nine " * 40, 10.0, False),
        ("9 " * 40, 10.0, False),
        ("哈" * 40, 10.0, False),
        ("ha " * 30, 4.0, False),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 2.0, False),
        ("no no no no no no no no no", 0.1, False),
        ("", 1.0, False),
    ],
)
def test_a_loop_repeats_often_and_faster_than_speech(text: str, audio_s: float, is_loop: bool) -> None:
    """Forty times "nine" in ten seconds can be said; two hundred times "the" cannot, nor any number of marks."""
    assert has_loop(text, audio_s) is is_loop


def test_a_loop_in_the_middle_is_taken_down_to_one_round() -> None:
    """What stands before and behind it stays."""
    assert without_loops("I said " + "no " * 100 + "and left.", 3.0) == "I said no and left."
    assert without_loops("nine " * 20 + "ten", 10.0) == "nine " * 20 + "ten"


TAILS = [
    ("I said nine nine nine nine", "I said nine"),
    ("mine nine nine nine nine", "mine nine"),
    ("Start. Thank you. Thank you. Thank you. Tha", "Start. Thank you."),
    ("我们我们走走走走走", "我们我们走"),
    ("今天很好今天很好今天很好", "今天很好"),
    ("one two three", "one two three"),
    ("bye bye", "bye bye"),
    ("x", "x"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "short"), TAILS)
def test_a_tail_that_repeats_keeps_one_round(text: str, short: str) -> None:
    """At least three rounds, the last perhaps unfinished; a word in front of the loop is not cut in two."""
    assert without_tail(text) == short


@given(st.text(alphabet="ab c", max_size=20), st.text(alphabet="xyz ", min_size=1, max_size=8), st.integers(4, 30))
def test_any_loop_behind_any_text_is_found(before: str, round_: str, rounds: int) -> None:
    """However the rounds begin: what is left is not longer than the text before and two rounds."""
    text = before + round_ * rounds
    tail = repeated_tail(text)
    assert tail is not None
    assert len(without_tail(text)) <= len(before) + 2 * len(round_)


@given(st.text(alphabet="ab 你", max_size=60))
def test_a_tail_is_what_it_says(text: str) -> None:
    """The text really repeats with that period from that start to its end."""
    tail = repeated_tail(text)
    if tail is not None:
        assert all(text[at] == text[at - tail.period] for at in range(tail.start + tail.period, len(text)))
