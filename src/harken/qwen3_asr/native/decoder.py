"""The text decoder over packed weights: what `harken.qwen3_asr.decoder` computes, in six calls per layer.

Owns the order of the kernels and the buffers between them. Keys and values are kept in bfloat16, all else is float32.
The invariant: a token's hidden state depends on its own segment alone, to the last bit.
"""

from __future__ import annotations

import ctypes
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.cache import Step
from harken.qwen3_asr.config import DecoderConfig
from harken.qwen3_asr.decoder import DecoderLayer, TextDecoder
from harken.qwen3_asr.native.library import Heads, check, kernels
from harken.qwen3_asr.native.linear import PackedLinear


class NativeDecoder(nn.Module):
    """Takes the place of a `TextDecoder`, and its weights with it.

    Args:
        plain: whose weights are packed; its layers are given up one by one, so that they never lie in memory twice.
        config: its shape.
        kind: what weights are kept in.
        table: looks up embeddings, [n] int64 to [n, width] float32.
    """

    def __init__(self, plain: TextDecoder, config: DecoderConfig, kind: str, table: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = table
        self.norm = plain.norm.float()
        self.frequencies = plain.frequencies
        self._layers: list[NativeLayer] = []
        while len(plain.layers):
            self._layers.append(NativeLayer(cast("DecoderLayer", plain.layers[0]), config, kind))
            del plain.layers[0]
        self._turns: tuple[Tensor, Tensor] | None = None

    device = torch.device("cpu")
    """Where the weights lie."""

    dtype = torch.float32
    """What hidden states are in between the products."""

    cache_dtype = torch.bfloat16
    """What keys and values are kept in."""

    def forward(self, hidden: Tensor, step: Step, wanted: Tensor | None = None) -> Tensor:
        """See `TextDecoder.forward`; `hidden` is float32 and is written over."""
        text, rows = self.config, hidden.shape[0]
        heads = text.heads * text.head_dim
        qkv = torch.empty(rows, heads + 2 * text.kv_heads * text.head_dim)
        mixed, gates = torch.empty(rows, heads), torch.empty(rows, 2 * text.ffn)
        slots, positions = step.slots.int(), step.positions.int()
        cosines, sines = self._turned(step.cache.max_tokens)
        for index, layer in enumerate(self._layers):
            layer.qkv(hidden, qkv)
            where = Heads(
                keys=step.cache.keys[index].data_ptr(),
                values=step.cache.values[index].data_ptr(),
                slots=slots.data_ptr(),
                positions=positions.data_ptr(),
                cosines=cosines.data_ptr(),
                sines=sines.data_ptr(),
                q_norm=layer.q_norm.data_ptr(),
                k_norm=layer.k_norm.data_ptr(),
                eps=text.norm_eps,
                heads=text.heads,
                kv_heads=text.kv_heads,
                head_dim=text.head_dim,
                max_tokens=step.cache.max_tokens,
            )
            check(kernels().harken_attend(ctypes.byref(where), qkv.data_ptr(), rows, mixed.data_ptr()))
            if wanted is not None and index == len(self._layers) - 1:
                # Behind the last attention no row looks at another, and only these are asked for.
                hidden, mixed, gates = hidden[wanted], mixed[wanted], gates[: len(wanted)]
            layer.out(mixed, hidden)
            layer.gate_up(hidden, gates)
            layer.down(gates, hidden)
        return functional.rms_norm(hidden, (text.width,), self.norm.weight, text.norm_eps)

    def _turned(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of every position, [tokens, head_dim / 2] float32 each."""
        if self._turns is None or self._turns[0].shape[0] < tokens:
            angles = torch.arange(tokens)[:, None].float() * self.frequencies
            self._turns = angles.cos(), angles.sin()
        return self._turns


class NativeLayer:
    """The four products of a `DecoderLayer`, each with what stands before and behind it."""

    def __init__(self, plain: DecoderLayer, config: DecoderConfig, kind: str) -> None:
        attention, mlp = plain.self_attn, plain.mlp
        self.qkv = PackedLinear(
            [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight],
            kind,
            norm=plain.input_layernorm,
        )
        self.out = PackedLinear([attention.o_proj.weight], kind, add=True)
        self.gate_up = PackedLinear(
            [mlp.gate_proj.weight, mlp.up_proj.weight], kind, norm=plain.post_attention_layernorm
        )
        self.down = PackedLinear([mlp.down_proj.weight], kind, is_gated=True, add=True)
        self.q_norm = attention.q_norm.weight.float().contiguous()
        self.k_norm = attention.k_norm.weight.float().contiguous()
