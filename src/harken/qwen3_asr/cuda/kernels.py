"""The decoder's small operations on a GPU, each fused into one kernel, in Triton.

Why: a decode step at batch 1 reads the weights in 0.8 ms on an H200; the forty small operations of a layer, as kernels
of their own, would take longer than that. Arithmetic is float32 inside, inputs and outputs are of the weights' type.
The invariant: an output depends on its own row and slot, and the split of its sums on its own length alone.

Under TRITON_INTERPRET=1 they run on the CPU, which is how tests compare them with torch.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

SPLIT = 256
"""Keys that one program attends to; more are shared out among several, and their sums are joined by another kernel."""

_BLOCK = 32
"""Keys that a program looks at together."""


@triton.jit
def _rms_norm(x, weight, out, width, eps, WIDTH: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, WIDTH)
    is_in = at < width
    value = tl.load(x + row * width + at, mask=is_in, other=0.0)
    wide = value.to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(wide * wide, 0) / width + eps)
    # The weight is applied after the way back to the narrow type, as in the reference.
    normed = (wide * scale).to(value.dtype) * tl.load(weight + at, mask=is_in, other=0.0)
    tl.store(out + row * width + at, normed, mask=is_in)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Normalise rows, [rows, width]."""
    out = torch.empty_like(x)
    rows, width = x.shape
    _rms_norm[(rows,)](x, weight, out, width, eps, WIDTH=triton.next_power_of_2(width))
    return out


@triton.jit
def _silu_mul(gates, out, width, WIDTH: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    is_in = at < width
    gate = tl.load(gates + row * 2 * width + at, mask=is_in, other=0.0)
    up = tl.load(gates + row * 2 * width + width + at, mask=is_in, other=0.0)
    wide = gate.to(tl.float32)
    silu = (wide / (1.0 + tl.exp(-wide))).to(gate.dtype)
    tl.store(out + row * width + at, silu * up, mask=is_in)


def silu_mul(gates: Tensor) -> Tensor:
    """From [rows, 2 * width], gate beside up, to silu(gate) * up."""
    rows, width = gates.shape[0], gates.shape[1] // 2
    out = gates.new_empty(rows, width)
    block = min(1024, triton.next_power_of_2(width))
    _silu_mul[(rows, triton.cdiv(width, block))](gates, out, width, WIDTH=block)
    return out


@triton.jit
def _turn_and_store(
    qkv, q_norm, k_norm, cosines, sines, slots, positions, keys, values, eps, max_tokens,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    slot = tl.load(slots + row).to(tl.int64)
    position = tl.load(positions + row).to(tl.int64)
    at = tl.arange(0, HALF)
    dim: tl.constexpr = 2 * HALF
    here = qkv + (row * (HEADS + 2 * KV_HEADS) + head) * dim
    first, second = tl.load(here + at), tl.load(here + HALF + at)
    which = at * 0 + head
    is_query, is_value = which < HEADS, which >= HEADS + KV_HEADS
    is_key = (which >= HEADS) & (which < HEADS + KV_HEADS)
    # Without branches: values are turned as well, and the result is thrown away.
    norm_a = tl.where(is_query, tl.load(q_norm + at), tl.load(k_norm + at))
    norm_b = tl.where(is_query, tl.load(q_norm + HALF + at), tl.load(k_norm + HALF + at))
    a, b = first.to(tl.float32), second.to(tl.float32)
    scale = 1.0 / tl.sqrt((tl.sum(a * a, 0) + tl.sum(b * b, 0)) / dim + eps)
    a = ((a * scale).to(first.dtype) * norm_a).to(tl.float32)
    b = ((b * scale).to(first.dtype) * norm_b).to(tl.float32)
    c, s = tl.load(cosines + position * HALF + at), tl.load(sines + position * HALF + at)
    first = tl.where(is_value, first, (a * c - b * s).to(first.dtype))
    second = tl.where(is_value, second, (b * c + a * s).to(second.dtype))
    tl.store(here + at, first)
    tl.store(here + HALF + at, second)
    kv = (head - HEADS + HEADS * KV_HEADS) % KV_HEADS  # of a query head any, as it is not stored
    cached = ((slot * KV_HEADS + kv) * max_tokens + position) * dim
    tl.store(keys + cached + at, first, mask=is_key)
    tl.store(keys + cached + HALF + at, second, mask=is_key)
    tl.store(values + cached + at, first, mask=is_value)
    tl.store(values + cached + HALF + at, second, mask=is_value)


def turn_and_store(
    qkv: Tensor, q_norm: Tensor, k_norm: Tensor, turns: tuple[Tensor, Tensor], eps: float,
    slots: Tensor, positions: Tensor, keys: Tensor, values: Tensor, *, heads: int,
) -> None:  # fmt: skip
    """Normalise and rotate queries and keys, in place, and put keys and values into the cache.

    Args:
        qkv: [rows, (heads + 2 * kv_heads) * head_dim].
        q_norm: [head_dim].
        k_norm: [head_dim].
        turns: cosines and sines, [positions, head_dim / 2] float32.
        eps: of the norms.
        slots: [rows].
        positions: [rows].
        keys: [slots, kv_heads, max_tokens, head_dim], of one layer.
        values: the same.
        heads: query heads.
    """
    kv_heads, max_tokens, dim = keys.shape[1:]
    grid = (qkv.shape[0], heads + 2 * kv_heads)
    _turn_and_store[grid](
        qkv, q_norm, k_norm, turns[0], turns[1], slots, positions, keys, values, eps, max_tokens,
        HEADS=heads, KV_HEADS=kv_heads, HALF=dim // 2,
    )  # fmt: skip


@triton.jit
def _attend_part(
    qkv, keys, values, slots, positions, sums, peaks, totals, stride, max_tokens, splits, scale,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row, kv, split = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2)
    end = tl.load(positions + row) + 1
    start = split * PART
    if start < end:
        slot = tl.load(slots + row).to(tl.int64)
        at, member = tl.arange(0, DIM), tl.arange(0, GROUP)
        query = tl.load(qkv + row * stride + (kv * GROUP + member)[:, None] * DIM + at[None, :]).to(tl.float32) * scale
        base = (slot * KV_HEADS + kv) * max_tokens * DIM
        peak = tl.full((GROUP,), -float("inf"), tl.float32)
        total = tl.zeros((GROUP,), tl.float32)
        mixed = tl.zeros((GROUP, DIM), tl.float32)
        for block in range(start, tl.minimum(start + PART, end), BLOCK):
            token = block + tl.arange(0, BLOCK)
            is_in = token < end
            place = base + token[:, None] * DIM + at[None, :]
            key = tl.load(keys + place, mask=is_in[:, None], other=0.0).to(tl.float32)
            score = tl.sum(query[:, None, :] * key[None, :, :], 2)
            score = tl.where(is_in[None, :], score, -float("inf"))
            new_peak = tl.maximum(peak, tl.max(score, 1))
            fade = tl.exp(peak - new_peak)
            weight = tl.exp(score - new_peak[:, None])
            value = tl.load(values + place, mask=is_in[:, None], other=0.0).to(tl.float32)
            mixed = mixed * fade[:, None] + tl.sum(weight[:, :, None] * value[None, :, :], 1)
            total = total * fade + tl.sum(weight, 1)
            peak = new_peak
        to = ((row * KV_HEADS + kv) * splits + split) * GROUP + member
        tl.store(peaks + to, peak)
        tl.store(totals + to, total)
        tl.store(sums + to[:, None] * DIM + at[None, :], mixed)


@triton.jit
def _attend_join(
    sums, peaks, totals, positions, out, splits,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, PART: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    kv, member = head // GROUP, head % GROUP
    count = tl.load(positions + row) // PART + 1
    at = tl.arange(0, DIM)
    peak = tl.full((), -float("inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    mixed = tl.zeros((DIM,), tl.float32)
    for split in range(count):
        part = ((row * KV_HEADS + kv) * splits + split) * GROUP + member
        part_peak = tl.load(peaks + part)
        new_peak = tl.maximum(peak, part_peak)
        fade, share = tl.exp(peak - new_peak), tl.exp(part_peak - new_peak)
        mixed = mixed * fade + tl.load(sums + part * DIM + at) * share
        total = total * fade + tl.load(totals + part) * share
        peak = new_peak
    tl.store(out + (row * KV_HEADS * GROUP + head) * DIM + at, (mixed / total).to(out.dtype.element_ty))


def attend(qkv: Tensor, keys: Tensor, values: Tensor, slots: Tensor, positions: Tensor, *, heads: int) -> Tensor:
    """Attend from one token of each row's slot to all that are in it, its own included.

    Args:
        qkv: [rows, (heads + 2 * kv_heads) * head_dim], turned and stored already.
        keys: [slots, kv_heads, max_tokens, head_dim], of one layer.
        values: the same.
        slots: [rows].
        positions: [rows], the place of each row's own token.
        heads: query heads; those that share a key head are computed together, a power of two of them.

    Returns:
        [rows, heads * head_dim].
    """
    kv_heads, max_tokens, dim = keys.shape[1:]
    rows, group, splits = qkv.shape[0], heads // kv_heads, triton.cdiv(max_tokens, SPLIT)
    parts = rows * kv_heads * splits * group
    sums = torch.empty(parts * dim, dtype=torch.float32, device=qkv.device)
    peaks, totals = (torch.empty(parts, dtype=torch.float32, device=qkv.device) for _ in range(2))
    _attend_part[(rows, kv_heads, splits)](
        qkv, keys, values, slots, positions, sums, peaks, totals, qkv.shape[1], max_tokens, splits, dim**-0.5,
        KV_HEADS=kv_heads, GROUP=group, DIM=dim, PART=SPLIT, BLOCK=_BLOCK,
    )  # fmt: skip
    out = qkv.new_empty(rows, heads * dim)
    _attend_join[(rows, heads)](
        sums, peaks, totals, positions, out, splits, KV_HEADS=kv_heads, GROUP=group, DIM=dim, PART=SPLIT
    )
    return out
