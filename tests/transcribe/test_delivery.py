"""Text reaches the watch in order, with the spaces of the final text."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.delivery import Delivery
from harken.transcribe.result import PlacedTranscript
from harken.transcribe.stitch import join_texts
from harken.types import TokenLogprob


def piece(text: str, language: str = "English") -> PlacedTranscript:
    """A piece with this text."""
    return PlacedTranscript(text=text, language=language if text else "", start_s=0.0, end_s=1.0)


def test_pieces_wait_for_their_turn() -> None:
    """The third comes first, and is told last."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    for index in (2, 1):
        delivery.finish(index, piece(f"piece {index}"))
        assert told == []
    delivery.finish(0, piece("piece 0"))
    assert told == ["piece 0", " piece 1", " piece 2"]


def test_tokens_come_with_their_text() -> None:
    """Each delta has those that spell it, the space before it included."""
    told: list[tuple[str, str]] = []
    delivery = Delivery(lambda text, tokens: told.append((text, "".join(one.token for one in tokens))), None)
    for index in (1, 0):
        token = TokenLogprob(token=f"piece {index}", logprob=-0.5, bytes=tuple(f"piece {index}".encode()))
        delivery.finish(index, dataclasses.replace(piece(f"piece {index}"), logprobs=(token,)))
    assert told == [("piece 0", "piece 0"), (" piece 1", " piece 1")]


def test_the_head_tells_its_text_while_it_is_written() -> None:
    """White space at the edges is kept back until more comes; the end adds only what is missing."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    assert delivery.is_head(0)
    assert not delivery.is_head(1)
    for delta in (" One", " ", "two", " "):
        delivery.write(delta)
    assert told == ["One", " two"]
    delivery.finish(0, piece("One two three"))
    assert told == ["One", " two", " three"]
    assert delivery.is_head(1)


def test_a_second_recognition_goes_on_behind_what_was_told() -> None:
    """Where it begins the same, only the rest follows."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    delivery.write("nine ni")
    delivery.finish(0, piece("nine nine ten"))
    assert "".join(told) == "nine nine ten"


def test_a_piece_that_contradicts_what_it_told_tells_no_more() -> None:
    """What was told stays; the next piece goes on with its own space."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    delivery.write("nine five")
    delivery.finish(0, piece("nine four ten"))
    delivery.finish(1, piece("eleven"))
    assert told == ["nine five", " eleven"]


def test_a_space_that_only_the_language_could_tell_waits_for_the_end() -> None:
    """Behind "iPhone" an ideograph is glued in Chinese speech; while it is written, nobody knows what speech it is."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    delivery.finish(0, piece("我用 iPhone", "Chinese"))
    delivery.write("很好")
    assert told == ["我用 iPhone"]
    delivery.finish(1, piece("很好", "Chinese"))
    assert told == ["我用 iPhone", "很好"]


@pytest.mark.parametrize(("language", "text"), [("Chinese", "我用 iPhone很好"), ("Korean", "我用 iPhone 很好")])
def test_a_forced_language_tells_the_space_at_once(language: str, text: str) -> None:
    """Then there is nothing to wait for."""
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), language)
    delivery.finish(0, piece("我用 iPhone", language))
    delivery.write("很好")
    assert "".join(told) == text


@given(
    st.lists(
        st.tuples(st.text(alphabet="ab c你好。,", max_size=8), st.sampled_from(["English", "Chinese", "Korean"])),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_all_that_is_told_is_the_stitched_text(texts: list[tuple[str, str]], chance: random.Random) -> None:
    """Whatever the texts are, in whichever order they end, whichever is written live in whichever bits."""
    pieces = [piece(text.strip(), language) for text, language in texts]
    told: list[str] = []
    delivery = Delivery(lambda text, _: told.append(text), None)
    order = list(range(len(pieces)))
    chance.shuffle(order)
    for index in order:
        if delivery.is_head(index):
            raw = f" {texts[index][0]} "
            while raw:
                count = chance.randint(1, 3)
                delivery.write(raw[:count])
                raw = raw[count:]
        delivery.finish(index, pieces[index])
    assert "".join(told) == join_texts(pieces)
