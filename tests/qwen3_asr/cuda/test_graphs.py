"""Decode steps over fixed tensors: the same tokens as steps that are told everything, without a GPU.

The recorder of these tests runs a step again instead of replaying a graph; all else is what runs on a device.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from harken.engine.engine import Engine
from harken.qwen3_asr.cuda.graphs import DecodeGraphs, sizes_up_to
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.prompt import Prompt
from harken.types import Options, Segment
from tests.qwen3_asr import reference
from tests.qwen3_asr.parity_table import write_answers

STEPS = 9


def run_again(run: Callable[[], None]) -> Callable[[], None]:
    """Instead of recording."""
    run()
    return run


@pytest.fixture(scope="module")
def prompts(ours: Qwen3ASR) -> list[Prompt]:
    """Seven prompts of different lengths."""
    return [ours.prompt(reference.wave(0.4 + 0.9 * seed, seed), Options()) for seed in range(7)]


def test_steps_started_in_any_mixture_write_what_is_written_alone(ours: Qwen3ASR, prompts: list[Prompt]) -> None:
    """Two steps are always on their way; slots are a random part of all, in random order."""
    alone = [write_answers(ours, [prompt], STEPS)[0][0] for prompt in prompts]
    network, draw = ours.network, random.Random(1)
    cache = network.open_cache(slots=8, max_tokens=max(prompt.length for prompt in prompts) + STEPS)
    graphs = DecodeGraphs(network, cache, run_again)
    assert graphs.slots == 7
    answers = [ours.prefill(cache, [prompt], [slot]).tokens for slot, prompt in enumerate(prompts)]
    graphs.note(range(7), [answer[0] for answer in answers])
    counts = [1] * 7
    running: list[tuple[list[int], object]] = []
    while min(counts) < STEPS or running:
        slots = [slot for slot in draw.sample(range(7), draw.randrange(1, 8)) if counts[slot] < STEPS]
        if slots:
            lengths = [prompts[slot].length + counts[slot] - 1 for slot in slots]
            running.append((slots, graphs.launch(slots, lengths)))
            for slot in slots:
                counts[slot] += 1
        if len(running) == 2 or not slots:
            done, launched = running.pop(0)
            for slot, token in zip(done, launched.result().tokens, strict=True):  # type: ignore[attr-defined]
                answers[slot].append(token)
    assert answers == alone


def test_a_step_that_cannot_be_right_is_refused(ours: Qwen3ASR) -> None:
    """A slot twice, or a full one; before anything is started."""
    graphs = DecodeGraphs(ours.network, ours.network.open_cache(slots=3, max_tokens=32), run_again)
    for slots, lengths in (([0, 0], [3, 3]), ([1], [32])):
        with pytest.raises(ValueError, match=r"slots|lengths"):
            graphs.launch(slots, lengths)


@pytest.mark.parametrize("slots", [1, 2, 7, 8, 16, 17, 40, 128])
def test_every_number_of_slots_has_a_size(slots: int) -> None:
    """The largest is all of them, and no step computes more than 15 rows, or as many as it has, for nothing."""
    sizes = sizes_up_to(slots)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == slots
    for count in range(1, slots + 1):
        size = min(size for size in sizes if size >= count)
        assert size - count <= max(15, count)


@pytest.mark.slow
def test_an_engine_that_looks_ahead_recognises_the_same(hf_folder: Path) -> None:
    """Real network, real loop: twelve segments over three slots, with and without steps on their way."""
    segments = [Segment(samples=reference.wave(0.5 + 0.4 * seed, seed), request_id="r") for seed in range(12)]

    async def recognised(model: Qwen3ASR) -> list[tuple[str, int]]:
        async with Engine(model, slots=3, waiting=20, cap=lambda seconds: 14, is_strict=True) as engine:
            found = await asyncio.gather(*(engine.recognize(each, Options()) for each in segments))
            assert (await engine.model()).slots == 3
        return [(each.text, each.tokens) for each in found]

    plain, ahead = Qwen3ASR.load(hf_folder), Qwen3ASR.load(hf_folder)
    ahead._recorder = lambda: run_again
    assert asyncio.run(recognised(plain)) == asyncio.run(recognised(ahead))
    assert ahead.looks_ahead
    assert not plain.looks_ahead
