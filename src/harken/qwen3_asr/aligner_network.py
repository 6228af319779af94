"""The network of a forced aligner: one pass over sound and text, one answer for each timestamp token.

Owns the head and the pass that nothing is written after, so that no keys are kept. The answer for one prompt does not
depend on the others of a batch. The head runs at the timestamps only, since thousands of classes for every audio token
would be thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.cache import KVCache, Prefill
from harken.qwen3_asr.clip import Clip
from harken.qwen3_asr.network import Body


class AlignerNetwork(Body):
    """The body of a recogniser, and a head over the classes of time."""

    def __init__(self, config: AlignerConfig) -> None:
        super().__init__(config.body)
        self.aligner_config = config
        self.score = nn.Linear(config.body.decoder.width, config.classes, bias=config.has_bias)

    @torch.inference_mode()
    def scores(self, clips: Sequence[Clip], prompts: Sequence[Tensor]) -> list[Tensor]:
        """Score every class at every timestamp.

        Args:
            clips: their sound.
            prompts: [tokens] int64 each, on the CPU, with one placeholder per audio token.

        Returns:
            [timestamps, classes] each, in the dtype of the weights.
        """
        lengths = [len(prompt) for prompt in prompts]
        asked = torch.cat(list(prompts)) == self.aligner_config.timestamp_token
        step = Prefill(self._scratch(len(prompts), max(lengths)), range(len(prompts)), lengths)
        hidden = self.language_model(self.embed(clips, prompts), step, asked.nonzero().flatten().to(self.device))
        scored: Tensor = self.score(hidden)
        return list(torch.split(scored, [int(part.sum()) for part in torch.split(asked, lengths)]))

    def _scratch(self, prompts: int, tokens: int) -> KVCache:
        """Keys and values of one layer, in which each layer in turn overwrites the last: nobody looks back at them."""
        text = self.config.decoder
        shape = (1, prompts, text.kv_heads, tokens, text.head_dim)
        one = KVCache.empty(
            shape,
            dtype=self.language_model.cache_dtype,
            device=self.device,
            is_masked=self.language_model.masks_cache,
        )
        return KVCache(
            keys=one.keys.expand(text.layers, -1, -1, -1, -1), values=one.values.expand(text.layers, -1, -1, -1, -1)
        )
