"""Rules of harken.engine.stub_answer: what a stub says when it is told to misbehave."""

from __future__ import annotations

import pytest

from harken.engine.stub_answer import LOOP_ROUNDS, StubAnswer, stub_answer, stub_text
from harken.engine.stub_options import parse_stub
from harken.testing import segment
from harken.types import Finish, Options

_PENALTY = Options(repetition_penalty=1.15)


def _answer(spec: str, seconds: float = 2.0, options: Options | None = None, seed: int = 0) -> StubAnswer:
    return stub_answer(parse_stub(f"stub:{spec}"), segment(seconds, seed=seed), options or Options(), is_canary=False)


def test_a_loop_is_the_right_text_with_a_word_again_and_again() -> None:
    """Its pieces are streamed like those of any answer, and its end says LOOP."""
    answer = _answer("loop_every=1")
    assert answer.finish is Finish.LOOP
    assert answer.text == stub_text(segment(2)) + " again" * LOOP_ROUNDS
    assert len(answer.pieces) == 3 + LOOP_ROUNDS


def test_one_of_so_many_loops_by_its_samples() -> None:
    """The same ones on every instance and at every try, penalty or not."""
    looping = [_answer("loop_every=3", 0.5, seed=seed).finish is Finish.LOOP for seed in range(60)]
    assert 10 <= sum(looping) <= 30
    again = [_answer("loop_every=3", 0.5, _PENALTY, seed=seed).finish is Finish.LOOP for seed in range(60)]
    assert again == looping


@pytest.mark.parametrize(
    ("spec", "seconds", "penalty", "finish"),
    [
        ("loop_until_penalty=1", 2, 1.0, Finish.LOOP),
        ("loop_until_penalty=1", 2, 1.15, Finish.STOP),
        ("loop_longer_than_s=4", 5, 1.15, Finish.LOOP),
        ("loop_longer_than_s=4", 4, 1.0, Finish.STOP),
        ("loop_longer_than_s=4,loop_until_penalty=1", 5, 1.0, Finish.LOOP),
        ("loop_longer_than_s=4,loop_until_penalty=1", 5, 1.1, Finish.STOP),
        ("loop_longer_than_s=4,loop_until_penalty=1", 3, 1.0, Finish.STOP),
        ("length_longer_than_s=3", 4, 1.0, Finish.LENGTH),
        ("length_longer_than_s=3", 3, 1.0, Finish.STOP),
        ("rtfx=5", 9, 1.0, Finish.STOP),
    ],
)
def test_a_repair_helps_where_the_options_say_so(spec: str, seconds: float, penalty: float, finish: Finish) -> None:
    """A penalty, or a shorter segment; where nothing is set there is nothing to repair."""
    assert _answer(spec, seconds, Options(repetition_penalty=penalty)).finish is finish


def test_at_the_token_cap_the_last_word_is_missing() -> None:
    """So that a test sees that something was lost."""
    assert _answer("length_longer_than_s=1").text + " 2.00s" == stub_text(segment(2))


def test_a_context_can_leak() -> None:
    """It is answered to everything; without one the stub is right."""
    assert _answer("leaks_context=1", options=Options(context="Harken, RTFx")).text == "Harken, RTFx"
    assert _answer("leaks_context=1").text == stub_text(segment(2))


def test_the_canary_is_answered_right_all_the_same() -> None:
    """Or an instance that misbehaves would never become ready."""
    stub = parse_stub("stub:loop_every=1,length_longer_than_s=0.1,leaks_context=1")
    answer = stub_answer(stub, segment(2), Options(context="x"), is_canary=True)
    assert (answer.text, answer.finish) == (stub_text(segment(2)), Finish.STOP)


def test_its_log_probabilities_are_plausible() -> None:
    """One per piece, their bytes are the text, none above 0, and the mean is among them."""
    answer = _answer("rtfx=5")
    told = answer.logprobs()
    assert b"".join(bytes(token.bytes) for token in told).decode() == answer.text
    assert all(-0.5 <= token.logprob <= 0 for token in told)
    assert min(token.logprob for token in told) <= answer.avg_logprob() <= 0
    assert 0 < answer.no_speech_prob() < 0.1
    assert StubAnswer(pieces=()).no_speech_prob() > 0.9
