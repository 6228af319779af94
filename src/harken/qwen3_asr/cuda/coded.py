"""A few rows times a weight in codes, in Triton: codes are widened in registers, so that memory is read once, as codes.

An output's sums run over the groups in order, whatever the number of rows.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS = 16
"""Rows of one program: the fewest that tensor cores multiply."""

_OUTPUTS = 32


@triton.jit
def _multiply(
    x, codes, scales, offsets, out, rows, outputs, inputs, groups,
    BITS: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    output = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    at = tl.arange(0, GROUP)
    is_row, is_output = row < rows, output < outputs
    bytes_each = groups * GROUP * BITS // 8
    total = tl.zeros((ROWS, OUTPUTS), tl.float32)
    for group in range(groups):
        place = group * GROUP + at
        value = tl.load(
            x + row[:, None] * inputs + place[None, :], mask=is_row[:, None] & (place < inputs)[None, :], other=0.0
        )
        here = output[:, None] * bytes_each + (place * BITS // 8)[None, :]
        code = tl.load(codes + here, mask=is_output[:, None], other=0)
        if BITS == 4:
            code = (code >> ((at % 2) * 4)[None, :]) & 15
        scale = tl.load(scales + output * groups + group, mask=is_output, other=0.0)
        offset = tl.load(offsets + output * groups + group, mask=is_output, other=0.0)
        weight = (code.to(tl.float32) * scale[:, None] - offset[:, None]).to(value.dtype)
        total += tl.dot(value, tl.trans(weight), input_precision="ieee")
    to = out + row[:, None] * outputs + output[None, :]
    tl.store(to, total.to(out.dtype.element_ty), mask=is_row[:, None] & is_output[None, :])


def multiply(x: Tensor, codes: Tensor, scales: Tensor, offsets: Tensor, *, bits: int, group: int) -> Tensor:
    """Multiply rows by a weight in codes.

    Args:
        x: [rows, inputs].
        codes: [outputs, groups * group * bits / 8] uint8; of two codes in a byte the first is the low one.
        scales: [outputs, groups] float32.
        offsets: the same.
        bits: of a code, 8 or 4.
        group: inputs that share a scale, a power of two.

    Returns:
        [rows, outputs], in the type of the inputs.
    """
    rows, inputs = x.shape
    outputs, groups = scales.shape
    out = torch.empty(rows, outputs, dtype=x.dtype, device=x.device)
    grid = (triton.cdiv(outputs, _OUTPUTS), triton.cdiv(rows, _ROWS))
    _multiply[grid](
        x.contiguous(), codes, scales, offsets, out, rows, outputs, inputs, groups,
        BITS=bits, GROUP=group, ROWS=_ROWS, OUTPUTS=_OUTPUTS,
    )  # fmt: skip
    return out
