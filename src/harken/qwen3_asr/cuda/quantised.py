"""Linear layers of a GPU whose weights are rounded: to codes of 8 or 4 bits, or to 8-bit floats.

Owns the rounded weights and how they are multiplied. Codes save memory and what a decode step reads: a few rows are
multiplied by a kernel that widens codes as it goes, many rows by torch after one pass that widens the whole weight.
8-bit floats (Hopper) save arithmetic too: inputs are rounded row by row. The invariant: an input row's rounding depends
on that row alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

GROUPS = {"int8": 128, "int4": 64}
"""Inputs that share a scale and an offset."""

BITS = {"int8": 8, "int4": 4}

FEW = 128
"""Rows up to which codes are widened on the way: all decode steps. Prefills have more, and widen the whole weight."""

_FLOAT8 = torch.float8_e4m3fn

Linear = Callable[[Tensor], Tensor]


def quantised(weight: Tensor, kind: str) -> Linear:
    """Round a weight, [outputs, inputs], and return the layer that it makes: rows of inputs to rows of outputs.

    Args:
        weight: in the type of the inputs.
        kind: "int8", "int4" or "fp8".
    """
    return Float8Linear(weight) if kind == "fp8" else CodedLinear(weight, kind)


class CodedLinear:
    """A layer with codes for weights: w = scale * code - offset, for each output and group of inputs."""

    def __init__(self, weight: Tensor, kind: str) -> None:
        self._kind = kind
        self._inputs = weight.shape[1]
        group = GROUPS[kind]
        padded = functional.pad(weight.float(), (0, -self._inputs % group))
        grouped = padded.view(len(weight), -1, group)
        low, high = grouped.amin(-1), grouped.amax(-1)
        scale = ((high - low) / (2 ** BITS[kind] - 1)).clamp_(min=1e-12)
        codes = ((grouped - low[..., None]) / scale[..., None]).round_().to(torch.uint8).flatten(1)
        # Two codes of four bits in a byte, the first one low.
        self._codes = codes if kind == "int8" else codes[:, ::2] | (codes[:, 1::2] << 4)
        self._scales, self._offsets = scale, -low
        self._dtype = weight.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""
        if len(x) > FEW:
            return functional.linear(x, self.widened())
        from harken.qwen3_asr.cuda.coded import multiply

        return multiply(x, self._codes, self._scales, self._offsets, bits=BITS[self._kind], group=GROUPS[self._kind])

    def widened(self) -> Tensor:
        """The weights that the codes stand for, [outputs, inputs], in the type of the inputs."""
        codes = self._codes
        if self._kind == "int4":
            codes = torch.stack([codes & 15, codes >> 4], dim=-1).flatten(1)
        grouped = codes.view(len(codes), -1, GROUPS[self._kind]).to(self._scales.dtype)
        wide = torch.addcmul(-self._offsets[..., None], grouped, self._scales[..., None])
        return wide.flatten(1)[:, : self._inputs].to(self._dtype)


class Float8Linear:
    """A layer in 8-bit floats, with one scale for each output and for each row of inputs."""

    def __init__(self, weight: Tensor) -> None:
        self._dtype = weight.dtype
        self._weight, self._scale = _rounded(weight)

    def __call__(self, x: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""
        rounded, scale = _rounded(x)
        product: Tensor = torch._scaled_mm(  # noqa: SLF001 - torch has no public name for it; proven before it is used
            rounded, self._weight.t(), scale_a=scale, scale_b=self._scale.t(), out_dtype=self._dtype
        )
        return product


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit floats and their scale, [rows, 1] float32, for each row."""
    wide = rows.float()
    scale = (wide.abs().amax(-1, keepdim=True) / torch.finfo(_FLOAT8).max).clamp_(min=1e-12)
    return (wide / scale).to(_FLOAT8), scale
