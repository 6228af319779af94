"""What a shadow sample says of a new model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.shadow import Failure, Heard, Pair, ShadowLimits, judge
from harken.types import Finish

WORDS = "the old model hears ten words in every such segment"
OLD = Heard(text=WORDS, language="English", took_s=1.0, tokens=12)
SILENT = Heard(text="", language="", took_s=1.0)


def pairs(new: Heard | Failure, count: int, *, of: int = 20, old: Heard = OLD, is_forced: bool = False) -> list[Pair]:
    """So many pairs with this answer of the new model; in the others it heard what the old one heard."""
    other = Pair(audio_s=4.0, old=OLD, new=OLD)
    return [Pair(audio_s=4.0, old=old, new=new, is_forced=is_forced)] * count + [other] * (of - count)


HEARD = st.builds(
    Heard,
    text=st.text(max_size=40),
    language=st.sampled_from(["", "English", "Chinese"]),
    finish=st.sampled_from(Finish),
    took_s=st.none() | st.floats(0.0, 1e6),
)


@pytest.mark.slow
@given(st.lists(HEARD, min_size=1, max_size=30))
def test_a_model_compared_with_itself_is_good(answers: list[Heard]) -> None:
    """Loops, caps and silence included: what was so before is no reason to stay with it."""
    verdict = judge([Pair(audio_s=1.0, old=heard, new=heard) for heard in answers])
    assert verdict.is_good, verdict.reason


@pytest.mark.parametrize(
    ("new", "most", "said"),
    [
        (Failure(code="engine_failed"), 0, "1 of 20 failed (engine_failed 1)."),
        (replace(OLD, finish=Finish.LOOP), 1, "2 of 20 ended in a loop."),
        (replace(OLD, finish=Finish.LENGTH), 1, "2 of 20 reached their token cap."),
        (SILENT, 2, "In 3 of 20 nothing was heard where there is speech."),
        (replace(OLD, language="German"), 2, "In 3 of 20 another language was detected."),
    ],
)
def test_each_fault_has_a_limit(new: Heard | Failure, most: int, said: str) -> None:
    """Up to it all is well; one more, and the reason names it."""
    assert judge(pairs(new, most)).is_good
    verdict = judge(pairs(new, most + 1))
    assert not verdict.is_good
    assert verdict.reason == said


def test_speech_in_what_the_old_model_took_for_silence_has_a_limit_too() -> None:
    """A model that makes words of noise is worse than one that is silent."""
    assert judge(pairs(OLD, 2, old=SILENT)).is_good
    assert judge(pairs(OLD, 3, old=SILENT)).reason.startswith("In 3 of 20 speech was heard where there is none.")


@pytest.mark.parametrize("finish", [Finish.LOOP, Finish.LENGTH])
def test_a_fault_that_the_old_model_had_at_the_same_place_does_not_count(finish: Finish) -> None:
    """The recording is to blame."""
    faulty = replace(OLD, finish=finish)
    assert judge(pairs(faulty, 20, old=faulty)).is_good


def test_a_word_or_two_in_noise_are_no_speech() -> None:
    """Good models disagree about those."""
    assert judge(pairs(SILENT, 20, old=replace(SILENT, text="Thank you."))).is_good


def test_a_language_that_the_client_named_was_not_detected() -> None:
    """Then nothing can have flipped, whatever the model calls it."""
    assert judge(pairs(replace(OLD, language="German"), 20, is_forced=True)).is_good


def test_a_small_sample_may_have_no_fault_of_those_that_are_rare() -> None:
    """Of five segments a twentieth is none."""
    assert not judge(pairs(replace(OLD, finish=Finish.LOOP), 1, of=5)).is_good


def test_other_words_are_no_fault_until_most_of_them_differ() -> None:
    """A new model is there to hear something else; random weights hear nothing that was said."""
    better = replace(OLD, text="The OLD model hears 10 words in each such segment!")
    verdict = judge(pairs(better, 20))
    assert verdict.is_good
    assert verdict.figures.disagreement == pytest.approx(3 / 11)
    random = replace(OLD, text="wholly other words come out of random weights here now then")
    assert judge(pairs(random, 20)).reason == "100% of the words differ."


def test_chinese_is_compared_by_characters() -> None:
    """Else one other character would be another text."""
    old = Heard(text="今天天气很好我们去公园吧", language="Chinese")
    new = replace(old, text="今天天氣很好，我們去公園吧。")
    verdict = judge(pairs(new, 20, old=old))
    assert verdict.figures.disagreement == pytest.approx(3 / 12)
    assert verdict.is_good


def test_a_few_words_are_too_few_to_differ() -> None:
    """Two of three clips of a word may differ by chance."""
    assert judge([Pair(audio_s=1.0, old=replace(OLD, text="yes"), new=replace(OLD, text="no"))] * 3).is_good


def test_a_median_many_times_slower_is_a_fault_and_a_few_slow_ones_are_not() -> None:
    """And a quarter of a second more is none, however fast the old model was."""
    slow = replace(OLD, took_s=10.0)
    assert judge(pairs(slow, 9)).is_good
    assert judge(pairs(slow, 20)).reason == "It is 8.2 times slower."
    quick = replace(OLD, took_s=0.01)
    assert judge(pairs(replace(OLD, took_s=0.25), 20, old=quick)).is_good
    assert not judge(pairs(replace(OLD, took_s=1.25), 20, old=quick)).is_good


def test_a_few_times_are_too_few_for_a_median() -> None:
    """Two slow clips may be chance."""
    verdict = judge(pairs(replace(OLD, took_s=100.0), 4, of=4))
    assert verdict.is_good
    assert verdict.figures.slowdown is None


def test_where_nobody_measured_nothing_is_slower() -> None:
    """The text of a packaged recording took no time."""
    verdict = judge(pairs(replace(OLD, took_s=100.0), 20, old=replace(OLD, took_s=None)))
    assert verdict.figures.slowdown is None
    assert verdict.is_good


def test_without_a_sample_nobody_knows() -> None:
    """A roll that was to show a sample does not go on without."""
    assert judge([]).reason == "There was nothing to compare."


def test_limits_are_the_operators_to_set() -> None:
    """From a toy to a real model most words may differ."""
    other = pairs(replace(OLD, text="nothing of what the first one heard is left", took_s=100.0), 20)
    assert judge(other, ShadowLimits(disagreement=1.0, slowdown=100.0)).is_good


def test_every_fault_is_told_and_no_text() -> None:
    """The reason goes to logs and screens; what people said does not."""
    secret = replace(OLD, text="my password is swordfish and so on", finish=Finish.LOOP)
    verdict = judge([*pairs(secret, 5, of=5), *pairs(Failure(code="timed_out"), 5, of=5), *pairs(SILENT, 10, of=10)])
    assert verdict.reason.count(".") == 3
    assert "swordfish" not in repr(verdict)
    assert verdict.figures.failed == {"timed_out": 5}
    assert verdict.figures.audio_s == 80.0
