"""Whether a network's decoder can be fused on this device, found out by trying; and the fusing.

The kernels are compiled on the machine that they run on, by a compiler that may be missing, for a GPU that nobody has
tried them on. So each must first compute what torch computes, on random rows of this network's own sizes. Where one
does not, the plain decoder stays, slower and right, and the log says why.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.errors import ConfigError
from harken.log import get_log
from harken.qwen3_asr.config import DecoderConfig
from harken.qwen3_asr.cuda.quantised import FEW, CodedLinear, quantised
from harken.qwen3_asr.decoder import TextDecoder
from harken.qwen3_asr.network import Head, Network

_ROWS = 5
_TOKENS = 600
_TOLERANCE = 0.02
"""Of differences, relative to the size of what is compared: a few roundings of bfloat16."""

_FLOAT8 = 0.08
"""The same of products in 8-bit floats."""

_log = get_log("qwen3_asr.cuda")


@torch.inference_mode()
def fuse(network: Network, quantize: str = "none") -> bool:
    """Replace the decoder of a network by a fused one, if all kernels prove themselves; tell whether it was.

    Args:
        network: on its device.
        quantize: what the weights of decoder and head are rounded to: "none", "int8", "int4", "fp8".

    Raises:
        ConfigError: weights are to be rounded, and what that needs does not work here.
    """
    text = network.config.decoder
    reason = why_not(text, network.device, network.dtype, quantize)
    if reason and quantize != "none":
        raise ConfigError(f"quantize {quantize} cannot be had on {network.device}: {reason}.")
    if reason:
        _log.warning("cuda.not_fused", reason=reason)
        return False
    from harken.qwen3_asr.cuda.decoder import FusedDecoder, plain_linear

    linear = plain_linear if quantize == "none" else partial(quantised, kind=quantize)
    if quantize != "none":
        network.lm_head = cast("nn.Linear", Head(linear(network.lm_head.weight)))
    network.language_model = cast("TextDecoder", FusedDecoder(network.language_model, text, linear))
    return True


@torch.inference_mode()
def why_not(text: DecoderConfig, device: torch.device, dtype: torch.dtype, quantize: str = "none") -> str:
    """Say why the kernels cannot be used for this network here; "" where they can."""
    group = text.heads // text.kv_heads
    if group & (group - 1) or text.head_dim & (text.head_dim - 1):
        return f"{group} query heads per key head of {text.head_dim}: the kernels want powers of two"
    try:
        errors = _errors(text, device, dtype) | _quantised_errors(text, device, dtype, quantize)
    except ImportError as error:
        return f"Triton is not installed ({error})"
    except Exception as error:  # noqa: BLE001 - a compiler's errors are of any kind, and the plain decoder needs none
        return f"{type(error).__name__}: {str(error).strip()[:500]}"
    wrong = [f"{name} is off by {error:.3f}" for name, error in errors.items() if not error <= _TOLERANCE]
    return "; ".join(wrong)


def _errors(text: DecoderConfig, device: torch.device, dtype: torch.dtype) -> dict[str, float]:
    """Relative differences between each kernel and torch, in float32, on the same random rows."""
    from harken.qwen3_asr.cuda import kernels

    draw = torch.Generator(device=device).manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=device, generator=draw).to(dtype)

    x, weight, gates = random(_ROWS, text.width), random(text.width), random(_ROWS, 2 * text.ffn)
    gate, up = gates.float().chunk(2, dim=-1)
    found = {
        "rms_norm": _error(
            kernels.rms_norm(x, weight, text.norm_eps),
            functional.rms_norm(x.float(), (text.width,), weight.float(), text.norm_eps),
        ),
        "silu_mul": _error(kernels.silu_mul(gates), functional.silu(gate) * up),
    }
    heads, kv_heads, dim = text.heads, text.kv_heads, text.head_dim
    keys, values = (random(_ROWS + 1, kv_heads, _TOKENS, dim) for _ in range(2))
    qkv, norms = random(_ROWS, (heads + 2 * kv_heads) * dim), (random(dim), random(dim))
    slots = torch.tensor([3, 0, 5, 1, 2], device=device)
    positions = torch.tensor([0, 17, kernels.SPLIT - 1, kernels.SPLIT, _TOKENS - 1], device=device)
    angles = torch.arange(_TOKENS, device=device)[:, None] * torch.logspace(0, -4, dim // 2, device=device)
    turns = (angles.cos(), angles.sin())
    parts = torch.split(qkv.view(_ROWS, -1, dim), [heads, kv_heads, kv_heads], dim=1)
    query, key, value = (part.float() for part in parts)
    query, key = (
        _turned(functional.rms_norm(x, (dim,), norm.float(), text.norm_eps), turns, positions)
        for x, norm in ((query, norms[0]), (key, norms[1]))
    )
    kernels.turn_and_store(qkv, *norms, turns, text.norm_eps, slots, positions, keys, values, heads=heads)
    found["turned queries"] = _error(qkv.view(_ROWS, -1, dim)[:, :heads], query)
    found["stored keys"] = _error(keys[slots, :, positions], key)
    found["stored values"] = _error(values[slots, :, positions], value)
    seen = (torch.arange(_TOKENS, device=device) <= positions[:, None])[:, None, None]
    expected = functional.scaled_dot_product_attention(
        qkv.view(_ROWS, -1, dim)[:, :heads].float().reshape(_ROWS, kv_heads, -1, dim),
        keys[slots].float(),
        values[slots].float(),
        attn_mask=seen,
    )
    mixed = kernels.attend(qkv, keys, values, slots, positions, heads=heads)
    found["attend"] = _error(mixed, expected.reshape(_ROWS, -1))
    return found


def _quantised_errors(text: DecoderConfig, device: torch.device, dtype: torch.dtype, quantize: str) -> dict[str, float]:
    """Relative differences between a quantised layer and what its rounded weights make of a few and of many rows."""
    if quantize == "none":
        return {}
    draw = torch.Generator(device=device).manual_seed(1)
    weight = torch.randn(text.width, text.ffn, device=device, generator=draw).to(dtype)
    layer = quantised(weight, quantize)
    # 8-bit floats round inputs as well: three bits of each remain.
    wide = layer.widened() if isinstance(layer, CodedLinear) else weight
    found = {}
    for rows in (_ROWS, FEW + 1):
        x = torch.randn(rows, text.ffn, device=device, generator=draw).to(dtype)
        error = _error(layer(x), x.float() @ wide.float().T)
        found[f"{quantize}, {rows} rows"] = error if isinstance(layer, CodedLinear) else error * _TOLERANCE / _FLOAT8
    return found


def _turned(heads: Tensor, turns: tuple[Tensor, Tensor], positions: Tensor) -> Tensor:
    """Rotate [rows, heads, head_dim] by their positions."""
    cosines, sines = (table[positions][:, None] for table in turns)
    first, second = heads.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


def _error(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected).norm() / expected.norm())
