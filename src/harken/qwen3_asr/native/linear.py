"""`PackedLinear`: a linear layer or convolution whose weights lie as the kernels read them.

Owns the packed weights and the call. What happens on the way in (a norm, a gate, the patches of a convolution) and on
the way out (bias, GELU, adding to what is there) is part of the layer. The invariant: an output row depends on its own
input row alone, to the last bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harken.qwen3_asr.native.library import (
    ADD,
    BIAS,
    CONVOLVE,
    GELU,
    KINDS,
    LAYER_NORM,
    PLAIN,
    RMS_NORM,
    SWIGLU,
    Product,
    bfloat16_kind,
    check,
    kernels,
)

_SLACK = 64
"""Bytes behind the weights, to start them at the border of a cache line."""


class PackedLinear:
    """`outputs` sums over `inputs`, from float32 rows to float32 rows.

    Args:
        weights: [outputs, inputs] each, any float type; several are computed as one, their outputs side by side.
        kind: what the weights are kept in: "bfloat16", "int8", "int4".
        biases: [outputs] each, or none.
        norm: what normalises the inputs first: an RMSNorm or nn.LayerNorm.
        is_gated: the inputs come as [gate | up], and silu(gate) * up goes in.
        gelu: apply GELU to the outputs.
        add: add the outputs to what `out` holds.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        kind: str,
        *,
        biases: Sequence[Tensor] = (),
        norm: nn.Module | None = None,
        is_gated: bool = False,
        gelu: bool = False,
        add: bool = False,
    ) -> None:
        whole = torch.cat([weight.to(torch.bfloat16) for weight in weights]).contiguous()
        self.outputs, self.inputs = whole.shape
        self.kind = kind
        self.packed = pack_weight(whole, kind)
        bias = torch.cat([bias.float() for bias in biases]) if biases else None
        norm_weight, norm_bias = (
            None if found is None else found.float().contiguous()
            for found in (getattr(norm, "weight", None), getattr(norm, "bias", None))
        )
        self._kept = (bias, norm_weight, norm_bias)  # the product knows their addresses only
        prologue = SWIGLU if is_gated else PLAIN
        if norm is not None:
            prologue = LAYER_NORM if isinstance(norm, nn.LayerNorm) else RMS_NORM
        self.product = Product(
            weight=self.packed.data_ptr(),
            bias=_address(bias),
            norm=_address(norm_weight),
            norm_bias=_address(norm_bias),
            eps=getattr(norm, "eps", 0.0),
            kind=bfloat16_kind() if kind == "bfloat16" else KINDS[kind],
            outputs=self.outputs,
            inputs=self.inputs,
            prologue=prologue,
            epilogue=(BIAS if biases else 0) | (GELU if gelu else 0) | (ADD if add else 0),
        )

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Map rows.

        Args:
            x: [rows, inputs] float32, or [rows, 2 * inputs] of a gated layer.
            out: [rows, outputs] float32 to write to, or to add to.

        Returns:
            [rows, outputs] float32: `out`, where it was given.
        """
        if out is None:
            out = torch.empty(x.shape[0], self.outputs)
        return self._run(x, x.shape[0], x.stride(0), out)

    def embed(self, rows: Tensor) -> Tensor:
        """Look up rows of bfloat16 weights, [n] int64, as of an embedding table: [n, inputs] float32, exactly."""
        assert self.kind == "bfloat16", "codes would be no exact weights"
        pairs = -(-self.inputs // 2)
        panels = self.packed.view(torch.bfloat16).view(-1, pairs, _PANEL, 2)
        return panels[rows // _PANEL, :, rows % _PANEL].flatten(1)[:, : self.inputs].float()

    def _run(self, x: Tensor, rows: int, stride: int, out: Tensor) -> Tensor:
        check(
            kernels().harken_product(
                ctypes.byref(self.product), x.data_ptr(), stride, rows, out.data_ptr(), out.stride(0)
            )
        )
        return out


class PackedConvolution(PackedLinear):
    """A convolution over [images, height, width, channels], followed by GELU where it is told so.

    Args:
        weight: [outputs, channels, kernel height, kernel width].
        kind: as for `PackedLinear`.
        size: height and width of an image.
        stride: vertical and horizontal.
        padding: zeros around an image.
        bias: [outputs], or None.
        gelu, add: as for `PackedLinear`.
    """

    def __init__(
        self,
        weight: Tensor,
        kind: str,
        *,
        size: tuple[int, int],
        stride: tuple[int, int],
        padding: int = 0,
        bias: Tensor | None = None,
        gelu: bool = False,
        add: bool = False,
    ) -> None:
        by_place = weight.permute(0, 2, 3, 1).flatten(1)
        super().__init__([by_place], kind, biases=[] if bias is None else [bias], gelu=gelu, add=add)
        kernel = (weight.shape[2], weight.shape[3])
        high, wide = ((size[i] + 2 * padding - kernel[i]) // stride[i] + 1 for i in range(2))
        self.places = (high, wide)
        product = self.product
        product.prologue = CONVOLVE
        product.height, product.width = size
        product.channels, product.padding = weight.shape[1], padding
        product.kernel_height, product.kernel_width = kernel
        product.stride_height, product.stride_width = stride

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Map [images, height, width, channels] float32 to [images * places, outputs], place by place."""
        rows = x.shape[0] * self.places[0] * self.places[1]
        if out is None:
            out = torch.empty(rows, self.outputs)
        return self._run(x, rows, 0, out)


_PANEL = 32


def pack_weight(weight: Tensor, kind: str) -> Tensor:
    """Pack [outputs, inputs] bfloat16, contiguous, into bytes."""
    found = kernels()
    outputs, inputs = weight.shape
    memory = torch.empty(found.harken_packed_bytes(KINDS[kind], outputs, inputs) + _SLACK, dtype=torch.uint8)
    start = -memory.data_ptr() % _SLACK
    packed = memory[start : start + memory.numel() - _SLACK]
    found.harken_pack(KINDS[kind], weight.data_ptr(), outputs, inputs, packed.data_ptr())
    return packed


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
