"""The packed products: what torch computes, and the same for a row whatever stands around it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.native.library import library, set_threads
from harken.qwen3_asr.native.linear import PackedConvolution, PackedLinear

needs_kernels = pytest.mark.skipif(library() is None, reason="no CPU kernels for this machine")

KINDS = {"bfloat16": 1e-6, "int8": 2e-2, "int4": 1.2e-1}
"""The relative error that each kind may have beside exact products of the same bfloat16 weights."""

BFLOAT16_DOT = 4e-3
"""The same of "bfloat16", where the CPU's own dot product rounds inputs."""

SHAPES = [(411, 128), (96, 384), (100, 7), (64, 896)]
ROWS = (1, 5, 13, 37, 200)


def test_the_kernels_are_there_where_they_can_be() -> None:
    """A wheel built with a compiler, on a CPU that has the instructions, must not lose them silently."""
    flags = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    if platform.machine() == "x86_64" and "avx512_vnni" in flags and shutil.which("cc"):
        assert library() is not None


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _tolerance(kind: str) -> float:
    from harken.qwen3_asr.native.library import DOT, bfloat16_kind

    return BFLOAT16_DOT if kind == "bfloat16" and bfloat16_kind() == DOT else KINDS[kind]


def _error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_a_product_is_what_torch_computes(kind: str, outputs: int, inputs: int) -> None:
    """With every way in and out, for few and many rows, of sizes that no panel and no group divides."""
    weight = (0.02 * _random(outputs, inputs)).bfloat16()
    bias = _random(outputs, seed=1)
    layer_norm = nn.LayerNorm(inputs)
    nn.init.normal_(layer_norm.weight, generator=torch.Generator().manual_seed(2))
    nn.init.normal_(layer_norm.bias, generator=torch.Generator().manual_seed(3))
    rms_norm = nn.RMSNorm(inputs, eps=1e-6)
    nn.init.normal_(rms_norm.weight, generator=torch.Generator().manual_seed(4))
    for rows in ROWS:
        x, held = _random(rows, inputs, seed=5), _random(rows, outputs, seed=6)
        wide = _random(rows, 2 * inputs, seed=7)
        with torch.inference_mode():
            plain = PackedLinear([weight], kind)(x)
            assert _error(plain, x.double() @ weight.double().T) < _tolerance(kind)
            normed = PackedLinear([weight], kind, biases=[bias], norm=layer_norm, gelu=True)(x)
            expected = functional.gelu(layer_norm(x).double() @ weight.double().T + bias)
            assert _error(normed, expected) < _tolerance(kind)
            added = PackedLinear([weight], kind, norm=rms_norm, add=True)(x, held.clone())
            assert _error(added, held + rms_norm(x).double() @ weight.double().T) < _tolerance(kind)
            gated = PackedLinear([weight], kind, is_gated=True)(wide)
            gate, up = wide.double().chunk(2, dim=1)
            assert _error(gated, (functional.silu(gate) * up) @ weight.double().T) < _tolerance(kind)


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_the_same_to_the_last_bit_wherever_it_stands(kind: str) -> None:
    """Alone, at any place of any batch, and with any number of threads."""
    layer = PackedLinear([_random(96, 300)], kind, biases=[_random(96, seed=1)], gelu=True)
    x = _random(250, 300, seed=2)
    together = layer(x)
    for start, end in ((0, 1), (7, 8), (3, 16), (100, 150), (249, 250)):
        assert torch.equal(layer(x[start:end]), together[start:end])
    try:
        for threads in (1, 3, 2):
            set_threads(threads)
            assert torch.equal(layer(x), together)
    finally:
        set_threads(len(os.sched_getaffinity(0)))


@needs_kernels
def test_many_threads_may_call_at_the_same_time() -> None:
    """They take turns, and each gets its own result; also after the pool has slept."""
    layers = [PackedLinear([_random(96, 300, seed=seed)], "bfloat16") for seed in range(4)]
    x = _random(50, 300)
    expected = [layer(x) for layer in layers]

    def call(number: int) -> bool:
        if number % 50 == 0:
            time.sleep(0.001)
        return torch.equal(layers[number % 4](x), expected[number % 4])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(400)))


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_row_that_is_no_number_stays_none_and_harms_no_other(kind: str, broken: float) -> None:
    """Codes know no NaN; their scale carries it."""
    layer = PackedLinear([_random(64, 256)], kind)
    x = _random(20, 256, seed=1)
    whole = layer(x)
    x[7, 200] = broken
    found = layer(x)
    assert not found[7].isfinite().any()
    others = [row for row in range(20) if row != 7]
    assert torch.equal(found[others], whole[others])


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
def test_a_convolution_is_what_torch_computes(kind: str) -> None:
    """Strided, padded, channels last; and one whose kernel is as high as the image."""
    convolution = nn.Conv2d(24, 40, 3, stride=2, padding=1).bfloat16().float()
    images = _random(3, 24, 17, 10)
    packed = PackedConvolution(
        convolution.weight, kind, size=(17, 10), stride=(2, 2), padding=1, bias=convolution.bias, gelu=True
    )
    with torch.inference_mode():
        expected = functional.gelu(convolution(images)).permute(0, 2, 3, 1)
        found = packed(images.permute(0, 2, 3, 1).contiguous())
        assert _error(found.view(expected.shape), expected) < _tolerance(kind)
        column = nn.Conv2d(24, 40, (17, 1), bias=False).bfloat16().float()
        expected = column(images).permute(0, 2, 3, 1)
        found = PackedConvolution(column.weight, kind, size=(17, 10), stride=(1, 1))(
            images.permute(0, 2, 3, 1).contiguous()
        )
        assert _error(found.view(expected.shape), expected) < _tolerance(kind)


@needs_kernels
def test_a_packed_table_gives_its_rows_back_exactly() -> None:
    """A tied output head is the embedding table, too."""
    weight = _random(411, 129).bfloat16()
    ids = torch.tensor([0, 410, 31, 32, 33, 31])
    assert torch.equal(PackedLinear([weight], "bfloat16").embed(ids), weight[ids].float())


@needs_kernels
def test_several_weights_stand_side_by_side() -> None:
    """As one product, with the outputs of each where torch.cat would put them."""
    parts, biases = [_random(50, 64), _random(14, 64, seed=1)], [_random(50, seed=2), _random(14, seed=3)]
    x = _random(4, 64, seed=4)
    expected = torch.cat([functional.linear(x, w.bfloat16().float(), b) for w, b in zip(parts, biases, strict=True)], 1)
    assert _error(PackedLinear(parts, "bfloat16", biases=biases)(x), expected) < _tolerance("bfloat16")
