"""Equal to transformers, alone and in any batch: the table, and what it cannot show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harken.qwen3_asr.cache import Prefill
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.prompt import Prompt
from harken.types import Options
from tests.qwen3_asr import parity_table, reference


@torch.inference_mode()
def _all_scores(model: Qwen3ASR, prompt: Prompt) -> torch.Tensor:
    """Scores behind every token of a prompt, [tokens, vocabulary]; the network itself asks for the last ones only."""
    network, cache = model.network, model.open_cache(slots=1, max_tokens=prompt.length)
    embedded = network.embed([prompt.clip], [prompt.token_ids])
    return network.scores(network.language_model(embedded, Prefill(cache, [0], [prompt.length])))


@pytest.mark.slow
def test_the_tiny_network_equals_transformers(theirs: Any, ours: Qwen3ASR) -> None:
    """All lengths, alone and in one batch: within 1e-4 in float32, and the same greedy tokens."""
    rows = parity_table.table(theirs, ours)
    assert all(row.is_equal for row in rows), parity_table.show(rows)


@pytest.mark.slow
def test_a_network_with_the_published_head_sizes_equals_transformers(tmp_path: Path) -> None:
    """Heads of 64 and 128, sixteen queries on eight keys: the same."""
    rows = parity_table.table(*parity_table.random_pair(reference.PROPORTIONED, tmp_path))
    assert all(row.is_equal for row in rows), parity_table.show(rows)


def test_the_answers_depend_on_the_sound(ours: Qwen3ASR) -> None:
    """The random network is no constant, so that equality means something."""
    prompts = [ours.prompt(reference.wave(1.0, seed), Options()) for seed in range(4)]
    answers, _ = parity_table.write_answers(ours, prompts, 8)
    assert len({tuple(answer) for answer in answers}) == 4


def test_scores_of_a_whole_text_equal_transformers(theirs: Any, ours: Qwen3ASR) -> None:
    """Every position of a prompt, not only its last."""
    clip = reference.wave(2.5)
    prompt = ours.prompt(clip, Options(context="names", language="English"))
    features, mask = reference.reference_features(clip)
    scores = _all_scores(ours, prompt)
    with torch.inference_mode():
        expected = theirs(input_ids=prompt.token_ids[None], input_features=features, input_features_mask=mask).logits
    assert (scores - expected).abs().max() <= parity_table.TOLERANCE


def test_bfloat16_stays_near_transformers_in_bfloat16(theirs: Any, hf_folder: Path) -> None:
    """The narrow type is rounded in the same places: differences stay within a few steps of bfloat16."""
    ours = Qwen3ASR.load(hf_folder, dtype="bfloat16")
    narrow = reference.random_model(reference.TINY).to(torch.bfloat16)
    clip = reference.wave(9.0)
    prompt = ours.prompt(clip, Options())
    features, mask = reference.reference_features(clip)
    scores = _all_scores(ours, prompt)
    ids = prompt.token_ids[None]
    with torch.inference_mode():
        wide = theirs(input_ids=ids, input_features=features, input_features_mask=mask).logits
        expected = narrow(input_ids=ids, input_features=features.bfloat16(), input_features_mask=mask).logits
    assert scores.dtype == torch.bfloat16
    # Our rounding must not cost more than theirs does against float32.
    assert (scores - wide).abs().mean() <= 1.2 * (expected - wide).abs().mean()


def test_placeholders_that_do_not_fit_the_sound_are_refused(ours: Qwen3ASR) -> None:
    """A prompt for other sound would shift every embedding behind it."""
    prompt = ours.prompt(reference.wave(1.0), Options())
    cache = ours.open_cache(slots=1, max_tokens=64)
    with pytest.raises(ValueError, match="13 audio placeholders for 26"):
        ours.network.prefill(cache, [ours.prompt(reference.wave(2.0), Options()).clip], [prompt.token_ids], [0])
