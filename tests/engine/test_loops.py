"""Rules of harken.engine.loops: what is a loop, and what people really say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.engine.loops import PERIOD_MAX, LoopWatch, repeated_tokens, spoken_tokens
from harken.engine.stopping import token_cap


def _found_after(tokens: list[int], audio_s: float) -> int | None:
    """How many tokens were written when it was called a loop; None for never."""
    watch = LoopWatch()
    for count, token in enumerate(tokens, 1):
        watch.see(token)
        if watch.is_loop(audio_s):
            return count
    return None


@pytest.mark.parametrize("audio_s", [0.5, 1.0, 5.0, 10.0, 30.0])
@pytest.mark.parametrize("period", [1, 2, 7])
def test_an_endless_pattern_is_found_well_before_the_token_cap(audio_s: float, period: int) -> None:
    """As soon as more was repeated than can have been spoken: spaces, a word, a phrase."""
    found = _found_after(list(range(period)) * 400, audio_s)
    assert found is not None
    assert found <= max(spoken_tokens(audio_s), 4 * period) + 1
    assert found <= 0.75 * token_cap(audio_s)


@pytest.mark.parametrize("period", [1, 5, 19])
@pytest.mark.parametrize("words_per_s", [2, 4, 5])
def test_a_loop_behind_good_text_is_found_too(period: int, words_per_s: int) -> None:
    """Half a minute of speech and then a loop, which is how most of them come: before the cap, if not by much."""
    before = [1000 + (i * i) % 97 for i in range(30 * words_per_s)]
    found = _found_after(before + list(range(period)) * 400, 30.0)
    assert found is not None
    assert found - len(before) <= max(spoken_tokens(30.0) - len(before), repeated_tokens(30.0), 4 * period) + 1
    assert found <= 0.75 * token_cap(30.0)


def test_a_pattern_needs_four_rounds() -> None:
    """A sentence that is said three times is none, however short the audio."""
    sentence = list(range(PERIOD_MAX))
    assert _found_after(sentence * 3, 0.0) is None
    assert _found_after(sentence * 4, 0.0) == 4 * PERIOD_MAX


def test_a_pattern_that_stops_is_forgotten() -> None:
    """Two runs with something between them are not one long run."""
    run = [7] * 25
    assert _found_after([*run, 8, *run, 9, *run, 8], 5.0) is None
    assert _found_after(run * 3, 5.0) is not None


@pytest.mark.parametrize("audio_s", [0.5, 1.0, 2.0, 10.0, 30.0])
@pytest.mark.parametrize("words_per_s", [5.0, 6.0])
def test_what_people_can_say_is_no_loop(audio_s: float, words_per_s: float) -> None:
    """Nine nine nine for the whole segment at 300 words a minute and faster; telephone numbers with doubles."""
    said = round(audio_s * words_per_s)
    assert _found_after([9] * said, audio_s) is None
    assert _found_after(([4, 2] * said)[:said], audio_s) is None


def test_a_word_of_several_tokens_may_be_repeated_too() -> None:
    """Yes yes yes, at three words a second, where a script spells the word with two tokens."""
    assert _found_after([5, 6] * 30, 10.0) is None


def test_much_text_is_no_loop_as_long_as_its_end_is_no_repetition() -> None:
    """Ten tokens a second, which some scripts need, with a word said five times at the end."""
    assert _found_after([*range(1000, 1290), *[7, 8] * 5], 30.0) is None


def test_longer_patterns_than_the_longest_are_left_to_the_cap() -> None:
    """Forty tokens are twenty words; a longer one would have to be remembered for longer."""
    assert _found_after(list(range(PERIOD_MAX + 1)) * 10, 1.0) is None


def test_repeating_begins_with_the_third_round() -> None:
    """Before that everybody says so, and it ends with the first token that does not fit."""
    watch = LoopWatch()
    seen = []
    for token in [1, 2, 1, 2, 1, 2, 1, 3]:
        watch.see(token)
        seen.append(watch.is_repeating)
    assert seen == [False] * 5 + [True, True, False]


@given(
    tokens=st.lists(st.integers(0, 3), max_size=120), audio_s=st.floats(0, 3), repeated=st.integers(0, 60),
)  # fmt: skip
def test_it_finds_what_a_plain_search_finds(tokens: list[int], audio_s: float, repeated: int) -> None:
    """The counts that are kept from token to token are those that one gets by looking back each time."""
    tokens = tokens + tokens[-3:] * repeated
    watch = LoopWatch()
    for end, token in enumerate(tokens, 1):
        watch.see(token)
        assert watch.is_loop(audio_s) == _is_loop(tokens[:end], audio_s)


def _is_loop(tokens: list[int], audio_s: float) -> bool:
    if len(tokens) < spoken_tokens(audio_s):
        return False
    for period in range(1, PERIOD_MAX + 1):
        count = 0
        while count + period < len(tokens) and tokens[-1 - count] == tokens[-1 - count - period]:
            count += 1
        if count >= 3 * period and count + period >= repeated_tokens(audio_s):
            return True
    return False


def test_random_text_is_no_loop() -> None:
    """Ten different words, as digits are, for half a minute and a hundred times."""
    chance = random.Random(1)
    for _ in range(100):
        assert _found_after([chance.randrange(10) for _ in range(180)], 30.0) is None
