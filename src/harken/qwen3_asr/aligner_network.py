"""The network of a forced aligner: one pass over sound and text, one answer for each timestamp token.

Owns the head and the pass without a cache: nothing is written after it, so no keys are kept. Prompts of a batch are
padded on the right, where causality alone keeps the padding from being seen; the answer for one does not depend on the
others. The head runs at the timestamps only, since thousands of classes for every audio token would be thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.network import Body


class AlignerNetwork(Body):
    """The body of a recogniser, and a head over the classes of time."""

    def __init__(self, config: AlignerConfig) -> None:
        super().__init__(config.body)
        self.aligner_config = config
        self.score = nn.Linear(config.body.decoder.width, config.classes, bias=config.has_bias)

    @torch.inference_mode()
    def scores(self, features: Sequence[Tensor], prompts: Sequence[Tensor]) -> list[Tensor]:
        """Score every class at every timestamp.

        Args:
            features: [mels, frames] float32 each.
            prompts: [tokens] int64 each, on the CPU, with one placeholder per audio token.

        Returns:
            [timestamps, classes] each, in the dtype of the weights.
        """
        embedded = self.embed(features, prompts)
        hidden = self.language_model(embedded, Once(*embedded.shape[:2], device=self.device))
        asked = [(prompt == self.aligner_config.timestamp_token).nonzero().flatten() for prompt in prompts]
        rows = torch.cat([torch.full_like(places, row) for row, places in enumerate(asked)])
        scored: Tensor = self.score(hidden[rows.to(self.device), torch.cat(asked).to(self.device)])
        return list(torch.split(scored, [len(places) for places in asked]))


class Once:
    """A `Step` of the decoder that keeps nothing."""

    def __init__(self, batch: int, tokens: int, *, device: torch.device) -> None:
        self.positions = torch.arange(tokens, device=device).expand(batch, -1)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `harken.qwen3_asr.cache.Step`."""
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
