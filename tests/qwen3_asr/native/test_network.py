"""The packed network beside the plain one, and what a batch must not change."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from harken.engine.canary import read_canary
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.native.library import library
from harken.qwen3_asr.native.pack import Table, TiedTable
from harken.qwen3_asr.prompt import Prompt
from harken.types import Options
from tests.qwen3_asr import parity_table, reference

pytestmark = pytest.mark.skipif(library() is None, reason="no CPU kernels for this machine")

STEPS = 12
SECONDS = (0.3, 1.0, 3.2, 8.0, 8.7, 17.5)
KINDS = {"bfloat16": 0.02, "int8": 0.12, "int4": 0.7}
"""How far scores may be from those of float32, relative to their size: keys and values are bfloat16 in all of them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network with the published head sizes; its weights are stored in bfloat16."""
    made = tmp_path_factory.mktemp("packed")
    reference.write_hf(made, reference.random_model(reference.PROPORTIONED).bfloat16())
    return made


@pytest.fixture(scope="module")
def plain(folder: Path) -> Qwen3ASR:
    """Computed by torch, in float32."""
    return Qwen3ASR.load(folder, dtype="float32")


def _load(folder: Path, kind: str) -> Qwen3ASR:
    return Qwen3ASR.load(folder) if kind == "bfloat16" else Qwen3ASR.load(folder, quantize=kind)


def _prompts(model: Qwen3ASR) -> list[Prompt]:
    return [model.prompt(reference.wave(seconds, seed), Options()) for seed, seconds in enumerate(SECONDS)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_scores_are_near_those_of_the_plain_network(folder: Path, plain: Qwen3ASR, kind: str) -> None:
    """Prefill and the steps behind it, fed with the same tokens."""
    packed = _load(folder, kind)
    assert packed.network.dtype == torch.float32
    assert packed.network.language_model.cache_dtype == torch.bfloat16
    prompts, slots = _prompts(plain), list(range(len(SECONDS)))
    lengths = [prompt.length for prompt in prompts]
    clips, ids = [prompt.clip for prompt in prompts], [prompt.token_ids for prompt in prompts]
    caches = [model.open_cache(slots=len(slots), max_tokens=max(lengths) + STEPS) for model in (plain, packed)]
    networks = (plain.network, packed.network)
    scores = [net.scores(net.prefill(cache, clips, ids, slots)) for net, cache in zip(networks, caches, strict=True)]
    for step in range(STEPS):
        assert (scores[0] - scores[1]).norm() <= KINDS[kind] * scores[0].norm(), step
        tokens = scores[0].argmax(-1).tolist()
        ends = [length + step for length in lengths]
        scores = [
            net.scores(net.decode(cache, tokens, slots, ends)) for net, cache in zip(networks, caches, strict=True)
        ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_change_no_bit(folder: Path, kind: str) -> None:
    """Scores of a segment alone equal its scores in any batch, after any neighbour joined or left, bit for bit."""
    model = _load(folder, kind)
    network, prompts = model.network, _prompts(model)
    room = max(prompt.length for prompt in prompts) + STEPS

    def prefill(cache: object, which: list[int], slots: list[int]) -> torch.Tensor:
        chosen = [prompts[i] for i in which]
        return network.scores(
            network.prefill(cache, [p.clip for p in chosen], [p.token_ids for p in chosen], slots)  # type: ignore[arg-type]
        )

    alone: list[list[torch.Tensor]] = []
    for which, prompt in enumerate(prompts):
        cache = model.open_cache(slots=1, max_tokens=room)
        found = [prefill(cache, [which], [0])[0]]
        for step in range(STEPS):
            token = int(found[-1].argmax())
            found.append(network.scores(network.decode(cache, [token], [0], [prompt.length + step]))[0])
        alone.append(found)

    draw = random.Random(7)
    cache = model.open_cache(slots=4, max_tokens=room)
    waiting, running, ended = [*range(len(prompts))] * 3, dict[int, tuple[int, list[torch.Tensor]]](), 0
    draw.shuffle(waiting)
    while waiting or running:
        free = [slot for slot in range(4) if slot not in running]
        joining = [(slot, waiting.pop()) for slot in free[: draw.randrange(len(free) + 1)] if waiting]
        if joining:
            first = prefill(cache, [which for _, which in joining], [slot for slot, _ in joining])
            running |= {slot: (which, [row]) for (slot, which), row in zip(joining, first, strict=True)}
        stepping = draw.sample(sorted(running), draw.randrange(1, len(running) + 1)) if running else []
        if stepping:
            seen = [running[slot] for slot in stepping]
            tokens = [int(found[-1].argmax()) for _, found in seen]
            lengths = [prompts[which].length + len(found) - 1 for which, found in seen]
            rows = network.scores(network.decode(cache, tokens, stepping, lengths))
            for (_, found), row in zip(seen, rows, strict=True):
                found.append(row)
        for slot, (which, found) in list(running.items()):
            if len(found) == STEPS + 1:
                assert all(torch.equal(a, b) for a, b in zip(found, alone[which], strict=True))
                ended += 1
                del running[slot]
    assert ended == 3 * len(prompts)


@pytest.mark.slow
def test_windows_are_told_apart_and_a_broken_clip_harms_no_other(folder: Path) -> None:
    """Tokens of one clip are the same to the last bit beside any other, a NaN included."""
    network = _load(folder, "bfloat16").network
    clips = network.features([prompt.clip for prompt in _prompts(_load(folder, "bfloat16"))]).clips
    broken = torch.full((128, 930), torch.nan)
    together = network.encode([clips[0], broken, *clips[1:]])
    assert not together[1].isfinite().any()
    for clip, found in zip(clips, [together[0], *together[2:]], strict=True):
        assert torch.equal(network.encode([clip])[0], found)


def test_what_an_earlier_segment_left_in_a_slot_is_not_seen(folder: Path) -> None:
    """Not even NaN."""
    model = _load(folder, "bfloat16")
    prompt = model.prompt(reference.wave(2.0), Options())
    found = []
    for left in (0.0, torch.nan):
        cache = model.open_cache(slots=2, max_tokens=400)
        cache.keys.fill_(left)
        cache.values.fill_(left)
        hidden = model.network.prefill(cache, [prompt.clip], [prompt.token_ids], [1])
        found.append(model.network.scores(model.network.decode(cache, [5], [1], [prompt.length])) + 0 * hidden.sum())
    assert torch.equal(*found)


def test_a_tied_head_is_the_embedding_table() -> None:
    """In memory once, as in the checkpoint; quantised heads leave the table beside them, so that lookups stay exact."""
    folder = resolve_model("digits")
    assert isinstance(_load(folder, "bfloat16").network.language_model.embed_tokens, TiedTable)
    assert isinstance(_load(folder, "int8").network.language_model.embed_tokens, Table)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_the_words_of_the_canary_survive(kind: str) -> None:
    """The packaged model still recognises its own recording, quantised or not."""
    model = _load(resolve_model("digits"), kind)
    assert model.canary is not None
    canary = read_canary(model.canary.file, model.canary.text, model.canary.language)
    answers, _ = parity_table.write_answers(model, [model.prompt(np.asarray(canary.samples), Options())], 60)
    stop = next(place for place, token in enumerate(answers[0]) if token in model.stop_ids)
    assert model.parse(model.detokenize(answers[0][:stop]), Options())[0] == canary.text
