"""Rules of training.aligner_network and its losses: the lean forward pass is transformers' own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from training.aligner_heads import AlignerHeads, class_loss, errors_s
from training.aligner_network import AlignerOutputs, begin_from_recogniser, build_aligner, forward
from training.alignment import CLASS_S, CLASSES, AlignedBatch, collate, said_words
from training.clips import Clip
from training.features import log_mel
from training.vocabulary import Vocabulary, load_vocabulary

_SECONDS = (0.6, 1.0, 9.3)


def _batch(vocabulary: Vocabulary) -> tuple[AlignedBatch, list[int]]:
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
    batch = collate(clips, features, [said_words(clip) for clip in clips], vocabulary)
    return batch, [f.shape[1] for f in features]


@pytest.mark.slow
def test_logits_equal_those_of_transformers() -> None:
    """The token-classification class, for clips below and above the encoder's window in one batch."""
    vocabulary = load_vocabulary()
    model = build_aligner(vocabulary, 0)
    begin_from_recogniser(model, Path(str(files("harken"))) / "checkpoints" / "digits", vocabulary)
    model.eval()
    batch, frames = _batch(vocabulary)
    mask = torch.arange(batch.features.shape[2])[None] < torch.tensor(frames)[:, None]
    with torch.no_grad():
        ours = forward(model, batch).logits
        reference = model(
            input_ids=batch.tokens,
            input_features=batch.features,
            input_features_mask=mask.long(),
            attention_mask=torch.ones_like(batch.tokens),
        ).logits
    theirs = torch.stack([reference[row][batch.places[row]] for row in range(len(_SECONDS))])
    assert ours.shape == (3, 3, 2, CLASSES)
    assert float((ours - theirs).abs().max()) < 1e-3


@pytest.mark.slow
def test_every_loss_reaches_the_weights() -> None:
    """Encoder, decoder, score and the training-only heads all get a gradient."""
    vocabulary = load_vocabulary()
    model, heads = build_aligner(vocabulary, 0), AlignerHeads()
    batch, _ = _batch(vocabulary)
    outputs = forward(model, batch)
    torch.autograd.backward(class_loss(outputs, batch) + heads.loss(model, outputs, batch))
    unused = [name for name, p in [*model.named_parameters(), *heads.named_parameters()] if p.grad is None]
    assert unused == []


def test_errors_are_the_distance_of_the_likeliest_class() -> None:
    """Class 3 is 0.24 s; what is not learnt does not count."""
    batch, _ = _batch(load_vocabulary())
    logits = torch.zeros(3, 3, 2, CLASSES)
    logits[..., 3] = 1.0
    outputs = AlignerOutputs(logits=logits, states=None)  # type: ignore[arg-type]
    assert torch.allclose(errors_s(outputs, batch), (3 * CLASS_S - batch.times_s).abs().flatten())
