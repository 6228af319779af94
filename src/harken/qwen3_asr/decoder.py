"""The text decoder: a stock Qwen3 (qwen3-asr facts, section 1.6).

Owns the layers and nothing else: where keys and values are kept, and which of them a token may see, is the business of
the `Step` that is passed in. Rotary positions have one axis, since all axes of the published configuration are equal
for speech. Products run in the dtype of the weights, normalisations in float32, exactly where the reference has them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.cache import Step
from harken.qwen3_asr.config import DecoderConfig

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines, [rows, 1, head_dim] each."""


class TableDecoder(nn.Module):
    """What decoders have in common whose embedding table says where and in what they compute."""

    embed_tokens: nn.Embedding

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.embed_tokens.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What hidden states are in between the products."""
        return self.embed_tokens.weight.dtype

    @property
    def cache_dtype(self) -> torch.dtype:
        """What keys and values are kept in."""
        return self.dtype


class TextDecoder(TableDecoder):
    """Embedding table, layers and the last normalisation."""

    frequencies: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_eps)
        exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device="cpu") / config.head_dim
        self.register_buffer("frequencies", 1.0 / (config.rope_theta**exponents), persistent=False)

    masks_cache = True
    """Whether places of a slot that are not its own yet are read, behind a mask."""

    def forward(self, hidden: Tensor, step: Step, wanted: Tensor | None = None) -> Tensor:
        """Run embeddings through all layers.

        Args:
            hidden: [rows, width], the tokens of all segments of the step.
            step: holds the positions and the cache.
            wanted: [n] int64, the rows to be told; all of them without it.

        Returns:
            [rows or n, width], normalised for the output head.
        """
        rotation = self._rotation(step.positions, hidden.dtype)
        for index, layer in enumerate(self.layers):
            hidden = layer(hidden, rotation, index, step)
        normed: Tensor = self.norm(hidden if wanted is None else hidden[wanted])
        return normed

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> Rotation:
        angles = positions[..., None].float() * self.frequencies
        angles = torch.cat([angles, angles], dim=-1).unsqueeze(1)
        return angles.cos().to(dtype), angles.sin().to(dtype)


class DecoderLayer(nn.Module):
    """Attention and a gated feed-forward, each behind its normalisation."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, config.norm_eps)
        self.self_attn = GroupedAttention(config)
        self.post_attention_layernorm = RMSNorm(config.width, config.norm_eps)
        self.mlp = GatedMLP(config)

    def forward(self, hidden: Tensor, rotation: Rotation, index: int, step: Step) -> Tensor:
        """Map [rows, width] to the same shape; `index` is this layer's place in the cache."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), rotation, index, step)
        return torch.add(hidden, self.mlp(self.post_attention_layernorm(hidden)))


class GroupedAttention(nn.Module):
    """Causal attention in which groups of query heads share keys; queries and keys are normalised per head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.q_proj = nn.Linear(config.width, config.heads * config.head_dim, bias=False)
        self.k_proj = nn.Linear(config.width, config.kv_heads * config.head_dim, bias=False)
        self.v_proj = nn.Linear(config.width, config.kv_heads * config.head_dim, bias=False)
        self.o_proj = nn.Linear(config.heads * config.head_dim, config.width, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps)
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps)

    def forward(self, hidden: Tensor, rotation: Rotation, index: int, step: Step) -> Tensor:
        """Map [rows, width] to the same shape."""
        shape = (-1, self.head_dim)
        query = _rotate(self.q_norm(self.q_proj(hidden).unflatten(-1, shape)), rotation)
        key = _rotate(self.k_norm(self.k_proj(hidden).unflatten(-1, shape)), rotation)
        value = self.v_proj(hidden).unflatten(-1, shape)
        mixed: Tensor = self.o_proj(step.attend(index, query, key, value).flatten(1))
        return mixed


class GatedMLP(nn.Module):
    """SwiGLU (Shazeer, 2020)."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.up_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.down_proj = nn.Linear(config.ffn, config.width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        projected: Tensor = self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return projected


class RMSNorm(nn.Module):
    """Root-mean-square normalisation (Zhang and Sennrich, 2019), computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise the last dimension; the weight is applied after the way back to the weights' dtype."""
        wide = hidden.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(hidden.dtype)


def _rotate(heads: Tensor, rotation: Rotation) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of [rows, heads, head_dim] by their positions (Su et al., 2021)."""
    cosines, sines = rotation
    first, second = heads.chunk(2, dim=-1)
    return heads * cosines + torch.cat([-second, first], dim=-1) * sines
