"""Rules of training.network: the lean forward pass is transformers' own."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from training.batches import IGNORE, Batch, collate
from training.clips import Clip
from training.features import log_mel
from training.network import build_model, forward, grown
from training.vocabulary import Vocabulary, load_vocabulary

_SECONDS = (0.3, 1.0, 7.99, 9.3)


def _batch(vocabulary: Vocabulary) -> tuple[Batch, list[int]]:
    rng = np.random.default_rng(3)
    clips = [
        Clip(
            samples=(rng.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32),
            digits=(1, 2, 2),
            language="English",
            spans_s=((0.0, 0.1), (0.1, 0.2), (0.2, 0.25)),
        )
        for seconds in _SECONDS
    ]
    features = [log_mel(clip.samples) for clip in clips]
    return collate(clips, features, vocabulary, random.Random(1)), [f.shape[1] for f in features]


@pytest.mark.slow
def test_logits_equal_those_of_transformers() -> None:
    """For clips below, at and above the encoder's window, together in one batch."""
    vocabulary = load_vocabulary()
    model = build_model(vocabulary, 0).eval()
    batch, frames = _batch(vocabulary)
    mask = torch.arange(batch.features.shape[2])[None] < torch.tensor(frames)[:, None]
    with torch.no_grad():
        ours = forward(model, batch, torch.ones_like(batch.tokens, dtype=torch.bool)).logits
        reference = model(
            input_ids=batch.tokens,
            input_features=batch.features,
            input_features_mask=mask.long(),
            attention_mask=torch.ones_like(batch.tokens),
        ).logits.flatten(0, 1)
    learnt = (batch.labels != IGNORE).flatten()
    assert float((ours - reference)[learnt].abs().max()) < 1e-4


@pytest.mark.slow
def test_growing_changes_nothing_at_first() -> None:
    """Two more decoder layers, the same logits."""
    vocabulary = load_vocabulary()
    model = build_model(vocabulary, 0).eval()
    batch, _ = _batch(vocabulary)
    asked = batch.labels != IGNORE
    with torch.no_grad():
        before = forward(model, batch, asked).logits
        after = forward(grown(model, vocabulary, 1), batch, asked).logits
    assert torch.allclose(before, after, atol=1e-5)


def test_answer_positions_predict_digits_and_the_end() -> None:
    """The token after each marked place is a digit, and behind the last one the end of the turn."""
    vocabulary = load_vocabulary()
    batch, _ = _batch(vocabulary)
    for row in range(len(_SECONDS)):
        following = batch.tokens[row][batch.places[row] + 1].tolist()
        assert following == vocabulary.answer("one two two")
        assert batch.written[row].tolist() == [0, 1, 2, 3]
        assert batch.written_history[row, 3].tolist() == [3, 3, 2, 0, 0]
