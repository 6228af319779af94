"""Slots: what is in one is never seen from another, and nothing is written where there is no room."""

from __future__ import annotations

import random

import pytest
import torch

from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.prompt import Prompt
from harken.types import Options
from tests.qwen3_asr import reference
from tests.qwen3_asr.parity_table import write_answers

STEPS = 10


@pytest.fixture(scope="module")
def prompts(ours: Qwen3ASR) -> list[Prompt]:
    """Six prompts of different lengths."""
    return [ours.prompt(reference.wave(0.4 + 0.9 * seed, seed), Options()) for seed in range(6)]


@pytest.fixture(scope="module")
def alone(ours: Qwen3ASR, prompts: list[Prompt]) -> list[list[int]]:
    """The answer to each of them alone."""
    return [write_answers(ours, [prompt], STEPS)[0][0] for prompt in prompts]


def test_segments_that_join_and_leave_get_the_answers_they_get_alone(
    ours: Qwen3ASR, prompts: list[Prompt], alone: list[list[int]]
) -> None:
    """Slots are filled, stepped in any order, emptied and filled again, in every mixture."""
    draw = random.Random(3)
    cache = ours.open_cache(slots=3, max_tokens=max(prompt.length for prompt in prompts) + STEPS)
    waiting, running, finished = list(range(6)) * 2, dict[int, tuple[int, list[int]]](), 0
    while waiting or running:
        free = [slot for slot in range(3) if slot not in running]
        joining = [(slot, waiting.pop()) for slot in draw.sample(free, draw.randrange(len(free) + 1)) if waiting]
        if joining:
            first = ours.prefill(cache, [prompts[which] for _, which in joining], [slot for slot, _ in joining])
            running |= {slot: (which, [token]) for (slot, which), token in zip(joining, first.tokens, strict=True)}
        for slot, (which, answer) in list(running.items()):
            if len(answer) == STEPS:
                assert answer == alone[which]
                finished += 1
                del running[slot]
        if stepping := draw.sample(sorted(running), draw.randrange(1, len(running) + 1)) if running else []:
            answers = [running[slot][1] for slot in stepping]
            lengths = [prompts[running[slot][0]].length + len(running[slot][1]) - 1 for slot in stepping]
            chosen = ours.decode(cache, stepping, [answer[-1] for answer in answers], lengths)
            for answer, token in zip(answers, chosen.tokens, strict=True):
                answer.append(token)
    assert finished == 12


def test_what_an_earlier_segment_left_in_a_slot_is_not_seen(
    ours: Qwen3ASR, prompts: list[Prompt], alone: list[list[int]]
) -> None:
    """A short prompt in a slot full of NaN, the worst an earlier segment can leave, answers as in a fresh one.

    A longer segment runs beside it, so the step looks at more places than the short one has tokens.
    """
    both = [prompts[0], prompts[5]]
    cache = ours.open_cache(slots=2, max_tokens=prompts[5].length + STEPS)
    cache.keys.fill_(torch.nan)
    cache.values.fill_(torch.nan)
    answers = [ours.prefill(cache, [prompt], [slot]).tokens for slot, prompt in enumerate(both)]
    for step in range(STEPS - 1):
        chosen = ours.decode(cache, [0, 1], [answer[-1] for answer in answers], [p.length + step for p in both])
        for answer, token in zip(answers, chosen.tokens, strict=True):
            answer.append(token)
    assert answers == [alone[0], alone[5]]


def test_a_step_leaves_other_slots_untouched(ours: Qwen3ASR, prompts: list[Prompt]) -> None:
    """Neither prefill nor decode writes outside of the slots that it was given."""
    cache = ours.open_cache(slots=4, max_tokens=80)
    cache.keys.fill_(7.0)
    ours.prefill(cache, prompts[:2], [2, 0])
    ours.decode(cache, [2], [5], [prompts[0].length])
    assert torch.all(cache.keys[:, [1, 3]] == 7.0)


@pytest.mark.parametrize(
    ("slots", "ends"), [([], []), ([0, 0], [3, 3]), ([2], [3]), ([-1], [3]), ([0], [33]), ([0], [0]), ([0, 1], [3])]
)
def test_a_step_that_cannot_be_right_is_refused(ours: Qwen3ASR, slots: list[int], ends: list[int]) -> None:
    """Two writers for one slot, an unknown slot, or no room for another token."""
    with pytest.raises(ValueError, match=r"slots|lengths"):
        ours.open_cache(slots=2, max_tokens=32).check(slots, ends)


def test_a_full_slot_cannot_decode(ours: Qwen3ASR, prompts: list[Prompt]) -> None:
    """The token behind the last place is refused before anything is computed."""
    cache = ours.open_cache(slots=1, max_tokens=prompts[0].length)
    ours.prefill(cache, prompts[:1], [0])
    with pytest.raises(ValueError, match="do not fit"):
        ours.decode(cache, [0], [1], [prompts[0].length])


@pytest.mark.parametrize(("slots", "max_tokens"), [(0, 10), (1, 0), (1, 2049)])
def test_a_cache_that_the_model_cannot_fill_is_refused(ours: Qwen3ASR, slots: int, max_tokens: int) -> None:
    """There are only so many positions."""
    with pytest.raises(ValueError, match="positions"):
        ours.open_cache(slots=slots, max_tokens=max_tokens)
