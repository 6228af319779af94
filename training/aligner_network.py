"""The aligner: transformers' token-classification class at a few MB, begun from the digits recogniser.

Owns its configuration, its first weights, and its lean forward pass (`network.states` and the `score`
head). Everything below the head is the recogniser's own, because it already hears the digits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name everybody gives it
from transformers import Qwen3ASRForTokenClassification

from training.alignment import CLASSES, AlignedBatch
from training.network import States, build_config, gather, normed, states
from training.vocabulary import ENGLISH_DIGITS, Vocabulary

DECODER_LAYERS = 6


@dataclass(frozen=True, kw_only=True)
class AlignerOutputs:
    """logits [B, K, 2, classes] of every word's start and end, and the states they were read from."""

    logits: torch.Tensor
    states: States


def build_aligner(vocabulary: Vocabulary, seed: int) -> Any:
    """An aligner whose head is drawn from `seed` and whose other weights are still transformers' own draw."""
    torch.manual_seed(seed)
    config = build_config(vocabulary, decoder_layers=DECODER_LAYERS)
    config.num_labels = CLASSES
    config.tie_word_embeddings = False
    model: Any = Qwen3ASRForTokenClassification(config)  # type: ignore[no-untyped-call]
    nn.init.normal_(model.score.weight, std=0.05)
    return model


def begin_from_recogniser(model: Any, folder: Path, vocabulary: Vocabulary) -> None:
    """Take over every weight of the recogniser in `folder` but its output head.

    A word's token stands alone here, without the space before it, which the recogniser wrote nearly always: so
    the tokens with a space lend their embeddings to those without one. `<timestamp>` was never used.
    """
    weights = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
    weights = {name: value for name, value in weights.items() if not name.startswith("lm_head")}
    model.load_state_dict({**model.state_dict(), **weights})
    table = model.model.language_model.embed_tokens.weight
    with torch.no_grad():
        for word in ENGLISH_DIGITS:
            (alone,), (spaced,) = vocabulary.encode(word), vocabulary.encode(f" {word}")
            table[alone] = table[spaced]
        nn.init.normal_(table[vocabulary.id_of("<timestamp>")], std=0.15)


def forward(model: Any, batch: AlignedBatch) -> AlignerOutputs:
    """One pass; logits at the timestamps of `batch.places` (those of padding are meaningless)."""
    found = states(model, batch)
    count, words, _ = batch.places.shape
    hidden = gather(found.layers[-1], batch.places.flatten(1))
    logits = F.linear(normed(model, hidden), model.score.weight)
    return AlignerOutputs(logits=logits.view(count, words, 2, -1), states=found)
