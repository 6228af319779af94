"""Recordings made for wanted lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.classes import WantedClass, class_of, made_for, read_classes
from harken.bench.load.takes import packaged_takes
from harken.errors import ConfigError
from harken.types import SAMPLE_RATE
from tests.bench.load.making import a_take


def test_without_a_wish_classes_are_the_simulators() -> None:
    """Short below 30 s, long from 5 minutes."""
    assert [class_of(seconds) for seconds in (29.9, 30, 299.9, 300)] == ["short", "medium", "medium", "long"]


def test_classes_are_read_with_and_without_shares() -> None:
    """Seconds, and how many of them."""
    assert read_classes("2,10.5") == (WantedClass(seconds=2), WantedClass(seconds=10.5))
    assert read_classes("2:16,60:1") == (WantedClass(seconds=2, share=16), WantedClass(seconds=60))
    assert WantedClass(seconds=10.5).name == "10.5 s"


@pytest.mark.parametrize(
    "text", ["", "a", "2,", "2:", "2:0", "2:1.5", "0", "-1", "nan", "inf", "1e9", "2,2.0", "2:9999"]
)
def test_what_is_no_class_is_refused(text: str) -> None:
    """With an example of what would be."""
    with pytest.raises(ConfigError, match="--classes"):
        read_classes(text)


@pytest.mark.slow
@given(st.lists(st.floats(0.05, 9), min_size=1, max_size=6), st.floats(0.1, 20), st.integers(0, 5))
def test_a_made_recording_is_exactly_as_long_as_its_class(lengths: list[float], seconds: float, seed: int) -> None:
    """Whatever it is made of; and no sound of a part is lost where its text is told."""
    takes = [a_take(length, text=str(place)) for place, length in enumerate(lengths)]
    for made in made_for(WantedClass(seconds=seconds), takes, seed)[:3]:
        assert len(made.samples) == round(seconds * SAMPLE_RATE)
        assert made.kind == f"{seconds:g} s"
        if made.text is not None:
            parts = sum(len(takes[int(place)].samples) for place in made.text.split())
            assert np.count_nonzero(made.samples) == parts


@pytest.mark.slow
def test_texts_are_joined_and_languages_kept_apart() -> None:
    """Of the packaged recordings: each made one is of one language, and what is said in it is known."""
    takes = packaged_takes()
    made = made_for(WantedClass(seconds=30), takes, 1)
    assert {take.language for take in made} == {"English", "Chinese"}
    known = {take.text for take in takes}
    for take in made:
        assert take.text is not None and len(take.text.split()) > 5
        assert any(take.text.startswith(text) for text in known if text)


def test_a_recording_that_was_cut_has_no_text() -> None:
    """Nobody knows how far its words go."""
    (made, *_) = made_for(WantedClass(seconds=1), [a_take(5, text="one two")], 1)
    assert (made.text, made.audio_s, made.language) == (None, 1.0, "")


def test_a_part_without_a_text_is_not_mixed_with_those_that_have_one() -> None:
    """The text would be known only in part."""
    made = made_for(WantedClass(seconds=5), [a_take(1, text="one"), a_take(1)], 1)
    assert {take.text for take in made} == {None, "one one one one"}


def test_the_same_seed_makes_the_same() -> None:
    """So two runs send the same."""
    takes = packaged_takes()
    one, same, other = ([take.text for take in made_for(WantedClass(seconds=9), takes, seed)] for seed in (1, 1, 2))
    assert one == same != other
