"""The text decoder on a GPU: what `harken.qwen3_asr.decoder` computes, in nine kernels per layer.

Owns the fused weights and the order of the kernels. It refuses to know graphs. A step is a prefill, whose rows attend
among themselves, or a decode, whose rows attend to their slots. Everything in a decode is read from tensors, nothing
from Python numbers, so that it can be recorded once and replayed for other slots and lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from harken.qwen3_asr.cache import Prefill, Step
from harken.qwen3_asr.config import DecoderConfig
from harken.qwen3_asr.cuda import kernels
from harken.qwen3_asr.cuda.quantised import Linear
from harken.qwen3_asr.decoder import DecoderLayer, TableDecoder, TextDecoder


class FusedDecoder(TableDecoder):
    """Takes the place of a `TextDecoder`, and its weights with it.

    Args:
        plain: whose weights are fused; its layers are given up one by one, so that they never lie in memory twice.
        config: its shape; the query heads of a key head are a power of two, and so is the size of a head.
        linear: makes a layer of a weight, [outputs, inputs].
    """

    def __init__(self, plain: TextDecoder, config: DecoderConfig, linear: Callable[[Tensor], Linear]) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = plain.embed_tokens
        self.norm = plain.norm
        self._frequencies = plain.frequencies
        self._layers: list[_Layer] = []
        while len(plain.layers):
            self._layers.append(_Layer(cast("DecoderLayer", plain.layers[0]), linear))
            del plain.layers[0]
        self._turns: tuple[Tensor, Tensor] | None = None

    masks_cache = False
    """Whether places of a slot that are not its own yet are read, behind a mask."""

    def forward(self, hidden: Tensor, step: Step, wanted: Tensor | None = None) -> Tensor:
        """See `TextDecoder.forward`."""
        text = self.config
        turns = self._turned(step.cache.max_tokens)
        for index, layer in enumerate(self._layers):
            qkv = layer.qkv(kernels.rms_norm(hidden, layer.norm, text.norm_eps))
            keys, values = step.cache.keys[index], step.cache.values[index]
            kernels.turn_and_store(
                qkv, layer.q_norm, layer.k_norm, turns, text.norm_eps, step.slots, step.positions, keys, values,
                heads=text.heads,
            )  # fmt: skip
            if isinstance(step, Prefill):
                mixed = step.attend_fresh(*_split(qkv, text)).flatten(1)
            else:
                mixed = kernels.attend(qkv, keys, values, step.slots, step.positions, heads=text.heads)
            if wanted is not None and index == len(self._layers) - 1:
                # Behind the last attention no row looks at another, and only these are asked for.
                hidden, mixed = hidden[wanted], mixed[wanted]
            hidden = hidden + layer.out(mixed)
            gates = layer.gate_up(kernels.rms_norm(hidden, layer.mlp_norm, text.norm_eps))
            hidden = hidden + layer.down(kernels.silu_mul(gates))
        return kernels.rms_norm(hidden, self.norm.weight, text.norm_eps)

    def _turned(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of every position, [tokens, head_dim / 2] float32 each, rounded as the reference does."""
        if self._turns is None or self._turns[0].shape[0] < tokens:
            angles = torch.arange(tokens, device=self.device)[:, None].float() * self._frequencies
            cosines, sines = (x.to(self.dtype).float() for x in (angles.cos(), angles.sin()))
            self._turns = cosines, sines
        return self._turns


class _Layer:
    """The weights of a `DecoderLayer`, those that are applied to the same inputs side by side."""

    def __init__(self, plain: DecoderLayer, linear: Callable[[Tensor], Linear]) -> None:
        attention, mlp = plain.self_attn, plain.mlp
        self.norm, self.mlp_norm = plain.input_layernorm.weight, plain.post_attention_layernorm.weight
        self.qkv = linear(torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]))
        self.q_norm, self.k_norm = attention.q_norm.weight, attention.k_norm.weight
        self.out = linear(attention.o_proj.weight)
        self.gate_up = linear(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]))
        self.down = linear(mlp.down_proj.weight)


def plain_linear(weight: Tensor) -> Linear:
    """A layer of a weight as it is."""
    return partial(functional.linear, weight=weight)


def _split(qkv: Tensor, text: DecoderConfig) -> tuple[Tensor, Tensor, Tensor]:
    """[rows, all heads * head_dim] into [rows, heads, head_dim] of queries, keys and values."""
    parts = [text.heads, text.kv_heads, text.kv_heads]
    query, key, value = torch.split(qkv.view(len(qkv), -1, text.head_dim), parts, dim=1)
    return query, key, value
