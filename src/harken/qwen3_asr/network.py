"""The whole network: sound and prompts in, scores of the next token out.

Owns the parameters, under the names they have in the `-hf` checkpoints without the leading `model.`, and the place
where sound meets text: encoder outputs take the place of the audio placeholders among the prompt's embeddings. It
refuses to know tokenizers, languages and stopping. Every method is the same for one segment and for many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.cache import Decode, KVCache, Prefill
from harken.qwen3_asr.clip import Clip
from harken.qwen3_asr.config import EncoderConfig, NetworkConfig
from harken.qwen3_asr.decoder import TextDecoder
from harken.qwen3_asr.encoder import AudioEncoder
from harken.qwen3_asr.encoder_cache import EncoderCache, windows_of
from harken.qwen3_asr.features import Features, log_mel


class Body(nn.Module):
    """Encoder, projector and decoder: what recognisers and forced aligners have in common.

    Attributes:
        encoder_cache: windows that were encoded before; off unless it is replaced.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        # Typed as the plain parts; `harken.qwen3_asr.native.pack` puts others with the same calls in their places.
        self.audio_tower = AudioEncoder(config.encoder)
        self.multi_modal_projector = Projector(config.encoder)
        self.language_model = TextDecoder(config.decoder)
        self.encoder_cache = EncoderCache(0)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.language_model.device

    @property
    def dtype(self) -> torch.dtype:
        """What hidden states are in between the products."""
        return self.language_model.dtype

    def features(self, clips: Sequence[Clip]) -> Features:
        """Compute what the encoder sees."""
        encoder = self.config.encoder
        return log_mel(clips, mels=encoder.mels, window_frames=encoder.window_frames, device=self.device)

    @torch.inference_mode()
    def encode(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Encode features, [mels, frames] each, into decoder embeddings, [tokens, width] each."""
        encoded = self.audio_tower([one.to(self.device, self.dtype) for one in features])
        projected = self.multi_modal_projector(torch.cat(encoded))
        return list(torch.split(projected, [len(tokens) for tokens in encoded]))

    @torch.inference_mode()
    def hear(self, clips: Sequence[Clip]) -> Tensor:
        """Turn clips into decoder embeddings, [tokens of all clips, width]; windows that are known are looked up."""
        features = self.features(clips)
        if not self.encoder_cache.is_on:
            return torch.cat(self.encode(features.clips))
        size = self.config.encoder.window_frames
        windows = [
            window
            for clip, seen, peak in zip(clips, features.clips, features.peaks.tolist(), strict=True)
            for window in windows_of(clip, seen, peak, size)
        ]
        return torch.cat(self.encoder_cache.encode(windows, self.encode))

    @torch.inference_mode()
    def embed(self, clips: Sequence[Clip], prompts: Sequence[Tensor]) -> Tensor:
        """Embed prompts, one behind the other, with their sound in the place of the placeholders.

        Args:
            clips: the sound of each.
            prompts: [tokens] int64 each, on the CPU, with one placeholder per audio token.

        Returns:
            [tokens of all prompts, width].
        """
        ids = torch.cat(list(prompts))
        places = (ids == self.config.audio_token).nonzero().flatten()
        embedded: Tensor = self.language_model.embed_tokens(ids.to(self.device))
        sound = self.hear(clips)
        if len(places) != len(sound):
            raise ValueError(f"{len(places)} audio placeholders for {len(sound)} audio tokens")
        embedded[places.to(self.device)] = sound
        return embedded


class Network(Body):
    """A recogniser: the body, and an output head over the vocabulary."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.lm_head = nn.Linear(config.decoder.width, config.decoder.vocabulary, bias=False)

    def open_cache(self, *, slots: int, max_tokens: int) -> KVCache:
        """Allocate a cache for so many segments of so many tokens each."""
        text = self.config.decoder
        if not 0 < max_tokens <= text.max_positions or slots < 1:
            raise ValueError(f"{slots} slots of {max_tokens} tokens: this model has {text.max_positions} positions")
        shape = (text.layers, slots, text.kv_heads, max_tokens, text.head_dim)
        return KVCache.empty(
            shape,
            dtype=self.language_model.cache_dtype,
            device=self.device,
            is_masked=self.language_model.masks_cache,
        )

    @torch.inference_mode()
    def prefill(self, cache: KVCache, clips: Sequence[Clip], prompts: Sequence[Tensor], slots: Sequence[int]) -> Tensor:
        """Run whole prompts into their slots.

        Args:
            cache: from `open_cache`.
            clips: the sound of each.
            prompts: [tokens] int64 each, on the CPU, with one placeholder per audio token.
            slots: a slot for each.

        Returns:
            [batch, width] hidden states of each prompt's last token, for `scores`.

        Raises:
            ValueError: see `KVCache.check`.
        """
        lengths = [len(prompt) for prompt in prompts]
        cache.check(slots, lengths)
        last = torch.tensor(lengths).cumsum(0) - 1
        step = Prefill(cache, slots, lengths)
        hidden: Tensor = self.language_model(self.embed(clips, prompts), step, last.to(self.device))
        return hidden

    @torch.inference_mode()
    def decode(self, cache: KVCache, tokens: Sequence[int], slots: Sequence[int], lengths: Sequence[int]) -> Tensor:
        """Run one token for each slot; `lengths` counts the tokens that are in the slot already.

        Returns:
            [batch, width] hidden states for `scores`.

        Raises:
            ValueError: see `KVCache.check`.
        """
        cache.check(slots, [length + 1 for length in lengths])
        ids = torch.tensor(tokens, device=self.device)
        hidden: Tensor = self.language_model(self.language_model.embed_tokens(ids), Decode(cache, slots, lengths))
        return hidden

    @torch.inference_mode()
    def scores(self, hidden: Tensor) -> Tensor:
        """Score every token of the vocabulary: [..., width] to [..., vocabulary]."""
        scored: Tensor = self.lm_head(hidden)
        return scored


class Head(nn.Module):
    """An output head made of whatever maps [rows, width] to [rows, outputs]: a network wants a module there."""

    def __init__(self, linear: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._linear = linear

    def forward(self, hidden: Tensor) -> Tensor:
        """[rows, width] to [rows, outputs]."""
        return self._linear(hidden)


class Projector(nn.Module):
    """Two linear layers that turn encoder tokens into decoder embeddings."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(config.width, config.width)
        self.linear_2 = nn.Linear(config.width, config.output)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [tokens, encoder width] to [tokens, decoder width]."""
        projected: Tensor = self.linear_2(functional.gelu(self.linear_1(tokens)))
        return projected
