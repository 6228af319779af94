"""Rules of harken.qwen3_asr.choosing: penalties, draws and log-probabilities, row by row."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch

from harken.choice import NO_TOKEN, Choice, Manner
from harken.qwen3_asr.choosing import Chooser, drawn, penalised
from tests.qwen3_asr import reference

MARK, NONE = 9, (3, 4)
CHOOSER = Chooser(mark=MARK, none=NONE)


def _scores(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 12, generator=torch.Generator().manual_seed(seed)) * 3


def _choice(*written: int, **manner: Any) -> Choice:
    return Choice(manner=Manner(**manner), written=written)


def test_without_wishes_the_likeliest_tokens_are_taken() -> None:
    """With no choices at all, and with none for any row; there are no notes."""
    scores = _scores(5)
    for choices in ((), [None] * 5):
        chosen = CHOOSER.choose(scores, choices)
        assert chosen.tokens == scores.argmax(-1).tolist()
        assert chosen.notes == {}


def test_a_row_is_chosen_as_if_it_were_alone() -> None:
    """Of every kind of wish, in any order; the scores are left as they were."""
    scores = _scores(6)
    before = scores.clone()
    choices = [
        None,
        _choice(MARK, 1, 2, 1, penalty=1.5),
        _choice(MARK, 5, temperature=0.9, seed=b"a"),
        _choice(wants_logprobs=True),
        None,
        _choice(MARK, 7, penalty=1.2, temperature=2.0, seed=b"b", wants_logprobs=True),
    ]
    together = CHOOSER.choose(scores, choices)
    assert torch.equal(scores, before)
    for row, choice in enumerate(choices):
        alone = CHOOSER.choose(scores[row : row + 1], [choice])
        assert alone.tokens == [together.tokens[row]]
        assert alone.notes.get(0) == together.notes.get(row)


def test_a_penalty_is_that_of_transformers() -> None:
    """Positive scores are divided, negative ones multiplied."""
    theirs = reference.transformers.RepetitionPenaltyLogitsProcessor(penalty=1.7)
    for seed in range(5):
        scores = _scores(1, seed)
        written = torch.randint(0, 12, (1, 20), generator=torch.Generator().manual_seed(seed))
        ours = penalised(scores[0], sorted(set(written[0].tolist())), 1.7)
        assert torch.allclose(ours, theirs(written, scores.clone())[0])


@pytest.mark.parametrize(
    ("written", "is_forced", "expected"),
    [
        ((5,), False, 5),
        ((5, MARK), False, 5),
        ((5, MARK, 5), False, 6),
        ((5,), True, 6),
        ((), True, 5),
        ((5, MARK), True, 5),
    ],
)
def test_only_the_texts_own_tokens_are_penalised(written: tuple[int, ...], is_forced: bool, expected: int) -> None:
    """The header is not: it may name what the text says, and must come as it is; a forced language has none."""
    scores = torch.zeros(1, 12)
    scores[0, 5], scores[0, 6] = 2.0, 1.5
    choice = _choice(*written, penalty=2.0, is_forced=is_forced)
    assert CHOOSER.choose(scores, [choice]).tokens == [expected]


def test_draws_follow_the_probabilities() -> None:
    """Twenty thousand draws; what is impossible never comes."""
    scores = torch.tensor([0.0, math.log(3), -math.inf, math.log(6)])
    choices = [_choice(*range(place), temperature=1.0, seed=b"s") for place in range(100)]
    counted = Counter(drawn(scores.expand(100, -1), choices).tolist())
    for seed in range(199):
        counted.update(
            drawn(scores.expand(100, -1), [_choice(*c.written, temperature=1.0, seed=bytes([seed])) for c in choices])
            .tolist()
        )  # fmt: skip
    assert counted[2] == 0
    assert [round(counted[token] / 20_000, 1) for token in (0, 1, 3)] == [0.1, 0.3, 0.6]


def test_a_draw_is_always_the_same_in_its_place_and_never_the_same_in_two() -> None:
    """It is within (0, 1], so that every token of some probability can be reached, and no other."""
    draws = [_choice(*range(place), seed=b"x").draw for place in range(300)]
    assert draws == [_choice(*range(100, 100 + place), seed=b"x").draw for place in range(300)]
    assert len(set(draws)) == 300
    assert all(0 < draw <= 1 for draw in draws)
    assert draws != [_choice(*range(place), seed=b"y").draw for place in range(300)]


@pytest.mark.parametrize("temperature", [1e-9, 1e-6])
def test_hardly_any_temperature_takes_the_likeliest(temperature: float) -> None:
    """Without becoming anything that is no number."""
    scores = _scores(4) * 1000
    choices = [_choice(row, temperature=temperature, seed=b"s") for row in range(4)]
    assert CHOOSER.choose(scores, choices).tokens == scores.argmax(-1).tolist()


def test_log_probabilities_are_those_before_penalty_and_temperature() -> None:
    """In float32, whatever the scores are in."""
    scores = _scores(1).bfloat16()
    expected = scores.float().log_softmax(-1)[0]
    for manner in ({}, {"penalty": 3.0}, {"temperature": 5.0, "seed": b"q"}):
        chosen = CHOOSER.choose(scores, [_choice(MARK, 1, 2, 3, 4, 5, wants_logprobs=True, **manner)])
        assert chosen.notes[0].logprob == pytest.approx(float(expected[chosen.tokens[0]]), abs=1e-6)


@pytest.mark.parametrize(
    ("written", "is_forced", "asked"),
    [((), False, 3), ((3,), False, 4), ((3, 4), False, None), ((2,), False, None), ((), True, None)],
)
def test_how_likely_no_speech_is_is_asked_as_long_as_it_may_be_said(
    written: tuple[int, ...], is_forced: bool, asked: int | None
) -> None:
    """The probability of the token that would lead on; nothing where the answer has another beginning, or no header."""
    scores = _scores(1)
    note = CHOOSER.choose(scores, [_choice(*written, wants_logprobs=True, is_forced=is_forced)]).notes[0]
    if asked is None:
        assert note.no_speech is None
    else:
        assert note.no_speech == pytest.approx(float(scores.softmax(-1)[0, asked]), abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_whose_scores_are_no_numbers_has_no_token_and_spoils_no_other(bad: float) -> None:
    """Whether it asked for something or not."""
    scores = _scores(3)
    scores[1, 4] = bad
    asked = _choice(MARK, 5, temperature=0.9, penalty=1.2, seed=b"a", wants_logprobs=True)
    for choices in ((), [asked] * 3):
        chosen = CHOOSER.choose(scores, choices)
        assert chosen.tokens[1] == NO_TOKEN
        for row in (0, 2):
            assert chosen.tokens[row] == CHOOSER.choose(scores[row : row + 1], choices[:1]).tokens[0]
