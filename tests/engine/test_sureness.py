"""Rules of harken.engine.sureness: from notes to what a transcript says."""

from __future__ import annotations

import pytest

from harken.choice import Note
from harken.engine.messages import Ended, Times
from harken.engine.sureness import Sureness, sureness
from harken.testing import FakeModel
from harken.testing.model import encode
from harken.types import Finish

_TIMES = Times(began=1.0, read=2.0, ended=3.0)


def _ended(raw: str, *, end: bool, no_speech: tuple[float, ...] = ()) -> Ended:
    tokens = encode(raw)
    asides = [*no_speech, *[None] * (len(tokens) + 1)]
    notes = tuple(Note(logprob=-float(place), no_speech=asides[place]) for place in range(len(tokens) + end))
    return Ended(key=0, tokens=tokens, finish=Finish.STOP if end else Finish.LOOP, times=_TIMES, notes=notes)


def _sure(ended: Ended, text: str, *, is_forced: bool = False) -> Sureness:
    return sureness(FakeModel(), ended, text=text, is_forced=is_forced)


def test_without_notes_nothing_is_said() -> None:
    """Nobody asked."""
    assert _sure(Ended(key=0, tokens=encode("one"), finish=Finish.STOP, times=_TIMES), "one") == Sureness()


def test_the_end_counts_in_the_mean_and_the_header_does_not() -> None:
    """A sequence that was stopped has no end of its own."""
    header = len(encode("language English<asr_text>"))
    for end, expected in ((True, [0, 1, 2]), (False, [0, 1])):
        sure = _sure(_ended("language English<asr_text>ab", end=end), "ab")
        assert [token.logprob for token in sure.logprobs or ()] == [-float(header), -float(header + 1)]
        assert sure.avg_logprob == pytest.approx(-header - sum(expected) / len(expected))


def test_silence_has_no_tokens_of_text_but_an_end() -> None:
    """How sure the model was that nothing is said is in `no_speech_prob`, the product along the way to "None"."""
    ended = _ended("language None<asr_text>", end=True, no_speech=(0.9, 0.5))
    sure = _sure(ended, "")
    assert sure.logprobs == ()
    assert sure.avg_logprob == -float(len(ended.tokens))
    assert sure.no_speech_prob == pytest.approx(0.45)


def test_a_forced_language_leaves_no_place_to_say_none() -> None:
    """Zero would be a claim."""
    assert _sure(_ended("ab", end=True), "ab", is_forced=True).no_speech_prob is None


def test_nothing_at_all_has_no_mean() -> None:
    """An answer that was stopped before its text began."""
    sure = _sure(_ended("language English", end=False, no_speech=(0.5,)), "")
    assert (sure.logprobs, sure.avg_logprob) == ((), None)
