"""The text decoder over packed weights: what `harken.qwen3_asr.decoder` computes, in one call for all layers.

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
from harken.qwen3_asr.native.library import Heads, Layer, check, kernels
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
        self._structs = (Layer * len(self._layers))(*(layer.struct() for layer in self._layers))
        self._turns: tuple[Tensor, Tensor] | None = None

    device = torch.device("cpu")
    """Where the weights lie."""

    dtype = torch.float32
    """What hidden states are in between the products."""

    masks_cache = False
    """Whether places of a slot that are not its own yet are read, behind a mask."""

    cache_dtype = torch.bfloat16
    """What keys and values are kept in."""

    def forward(self, hidden: Tensor, step: Step, wanted: Tensor | None = None) -> Tensor:
        """See `TextDecoder.forward`; `hidden` is float32 and is written over."""
        text, rows = self.config, hidden.shape[0]
        width = text.heads * text.head_dim
        qkv = torch.empty(rows, width + 2 * text.kv_heads * text.head_dim)
        mixed, gates = torch.empty(rows, width), torch.empty(rows, 2 * text.ffn)
        slots, positions = step.slots.int(), step.positions.int()
        turns = self._turned(step.cache.max_tokens)
        keys, values = step.cache.keys, step.cache.values
        heads = Heads(
            slots=slots.data_ptr(),
            positions=positions.data_ptr(),
            cosines=turns[0].data_ptr(),
            sines=turns[1].data_ptr(),
            eps=text.norm_eps,
            heads=text.heads,
            kv_heads=text.kv_heads,
            head_dim=text.head_dim,
            max_tokens=step.cache.max_tokens,
        )

        def run(first: int, count: int) -> None:
            heads.keys, heads.values = keys[first].data_ptr(), values[first].data_ptr()
            layers = ctypes.byref(self._structs, first * ctypes.sizeof(Layer))
            check(
                kernels().harken_layers(
                    ctypes.cast(layers, ctypes.POINTER(Layer)), count, ctypes.byref(heads), keys.stride(0),
                    hidden.data_ptr(), rows, qkv.data_ptr(), mixed.data_ptr(), gates.data_ptr(),
                )
            )  # fmt: skip

        if wanted is None:
            run(0, len(self._layers))
        else:
            run(0, len(self._layers) - 1)
            hidden = self._last(hidden, heads, step, wanted, (qkv, mixed))
        return functional.rms_norm(hidden, (text.width,), self.norm.weight, text.norm_eps)

    def _last(self, hidden: Tensor, heads: Heads, step: Step, wanted: Tensor, room: tuple[Tensor, Tensor]) -> Tensor:
        """The last layer: behind its attention no row looks at another, and only the wanted ones go on."""
        layer, (qkv, mixed) = self._layers[-1], room
        layer.qkv(hidden, qkv)
        heads.keys, heads.values = step.cache.keys[-1].data_ptr(), step.cache.values[-1].data_ptr()
        heads.q_norm, heads.k_norm = layer.q_norm.data_ptr(), layer.k_norm.data_ptr()
        check(kernels().harken_attend(ctypes.byref(heads), qkv.data_ptr(), len(qkv), mixed.data_ptr()))
        hidden = hidden[wanted]
        layer.out(mixed[wanted], hidden)
        return layer.down(layer.gate_up(hidden), hidden)

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

    def struct(self) -> Layer:
        """What the kernels know it by; it lives as long as this does."""
        return Layer(
            qkv=self.qkv.product,
            out=self.out.product,
            gate_up=self.gate_up.product,
            down=self.down.product,
            q_norm=self.q_norm.data_ptr(),
            k_norm=self.k_norm.data_ptr(),
        )
