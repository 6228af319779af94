"""Rules of harken.testing.recognizer: it hears what is spelled, and does wrong what it is told to."""

from __future__ import annotations

import asyncio

import pytest

from harken.errors import InstanceFailed
from harken.testing import MisbehavingRecognizer, spell
from harken.testing.recognizer import ROUNDS
from harken.types import Finish, Options, Recognizer, Segment, Transcript

SEGMENT = Segment(samples=spell(["one", "two", "three"]), request_id="r")


def answer(recognizer: MisbehavingRecognizer, options: Options | None = None) -> Transcript:
    """One segment's answer."""
    return asyncio.run(recognizer.recognize(SEGMENT, options or Options()))


def test_it_is_a_recognizer_that_hears() -> None:
    """Mypy checks the shape; without orders it is right, with times and log-probabilities where they are asked for."""
    recognizer: Recognizer = MisbehavingRecognizer()
    found = asyncio.run(recognizer.recognize(SEGMENT, Options(wants_words=True, wants_logprobs=True)))
    assert (found.text, found.finish) == ("one two three", Finish.STOP)
    assert [word.start_s for word in found.words or ()] == pytest.approx([0.0, 0.3, 0.6])
    assert "".join(token.token for token in found.logprobs or ()) == " one two three"


def test_it_goes_on_behind_a_prefix() -> None:
    """As many words count as said, whichever they are."""
    for prefix, text in (("one", "one two three"), ("nine nine", "nine nine three"), ("a b c d", "a b c d")):
        assert answer(MisbehavingRecognizer(), Options(language="English", prefix=prefix)).text == text


def test_it_loops_and_stops_short_as_told() -> None:
    """A loop repeats the last word; it may go unnoticed; the cap takes the last third."""
    loop = answer(MisbehavingRecognizer(finish=lambda segment, options: Finish.LOOP))
    assert (loop.text.count("three"), loop.finish) == (ROUNDS + 1, Finish.LOOP)
    unnoticed = answer(MisbehavingRecognizer(finish=lambda segment, options: Finish.LOOP, notices_loops=False))
    assert (unnoticed.text, unnoticed.finish) == (loop.text, Finish.STOP)
    short = answer(MisbehavingRecognizer(finish=lambda segment, options: Finish.LENGTH))
    assert (short.text, short.finish) == ("one two", Finish.LENGTH)


def test_it_leaks_and_dies_as_told() -> None:
    """The context comes back instead of speech; a failure comes after half of the text."""
    assert answer(MisbehavingRecognizer(leaks=True), Options(context="Harken Qwen")).text == "Harken Qwen"
    recognizer = MisbehavingRecognizer(failures=[InstanceFailed("gone")])
    sent: list[str] = []
    with pytest.raises(InstanceFailed, match="gone"):
        asyncio.run(recognizer.recognize(SEGMENT, Options(), sent.append))
    assert sent == [" one"]
    assert answer(recognizer).text == "one two three"
