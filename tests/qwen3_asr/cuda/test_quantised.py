"""Weights that are rounded on a GPU: what the codes stand for, and where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harken.errors import ConfigError
from harken.qwen3_asr.cuda.quantised import FEW, CodedLinear, _rounded
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.placement import resolve_placement


@pytest.mark.parametrize(("kind", "steps"), [("int8", 255), ("int4", 15)])
@pytest.mark.parametrize("inputs", [256, 200, 64])
def test_codes_stand_for_the_nearest_of_so_many_steps(kind: str, steps: int, inputs: int) -> None:
    """Within half a step of each group's own range, also where the last group is not full."""
    weight = torch.randn(24, inputs, generator=torch.Generator().manual_seed(0))
    layer = CodedLinear(weight, kind)
    span = weight.amax() - weight.amin()
    assert layer.widened().shape == weight.shape
    assert (layer.widened() - weight).abs().max() <= 0.51 * span / steps + 1e-6
    x = torch.randn(FEW + 1, inputs, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(layer(x), x @ layer.widened().T, atol=1e-4)


def test_rows_are_rounded_to_8_bit_floats_each_by_itself() -> None:
    """A large row does not take the small one's digits."""
    rows = torch.stack([torch.linspace(-1, 1, 64), 1e4 * torch.linspace(-1, 1, 64)])
    rounded, scale = _rounded(rows)
    assert torch.allclose(rounded.float() * scale, rows, rtol=0.07, atol=1e-3 * float(rows[0].max()))


def test_what_a_device_cannot_do_is_a_configuration_error(hf_folder: Path) -> None:
    """8-bit floats on a CPU, codes on Apple's GPU, codes of a type, and words that nobody knows."""
    with pytest.raises(ConfigError, match="fp8 cannot be had on device cpu"):
        Qwen3ASR.load(hf_folder, quantize="fp8")
    with pytest.raises(ConfigError, match="not one of none, int8, int4, fp8"):
        Qwen3ASR.load(hf_folder, quantize="int3")
    with pytest.raises(ConfigError, match="replaces dtype float32"):
        Qwen3ASR.load(hf_folder, quantize="int8", dtype="float32")
    with pytest.raises(ConfigError, match="needs the CPU kernels"):
        resolve_placement("cpu", "auto", "int8", can_pack=False, is_bfloat16=True)


@pytest.mark.parametrize(
    ("dtype", "can_pack", "is_bfloat16", "expected"),
    [
        ("auto", True, True, (torch.bfloat16, "bfloat16")),
        ("auto", False, True, (torch.float32, "")),
        ("auto", True, False, (torch.float32, "")),
        ("bfloat16", True, False, (torch.bfloat16, "bfloat16")),
        ("bfloat16", False, False, (torch.bfloat16, "")),
        ("float32", True, True, (torch.float32, "")),
    ],
)
def test_a_cpu_packs_what_loses_nothing_by_it(
    dtype: str, can_pack: bool, is_bfloat16: bool, expected: tuple[torch.dtype, str]
) -> None:
    """And what is asked for; without kernels, torch computes."""
    found = resolve_placement("cpu", dtype, "none", can_pack=can_pack, is_bfloat16=is_bfloat16)
    assert (found.dtype, found.packed) == expected
