"""The GPU's kernels, computed by Triton's interpreter on the CPU, beside torch.

Triton reads its switch when it is imported, so a process of its own does the work. The interpreter knows float32 well;
in bfloat16 the kernels are compiled for real devices, and what these make of them is asked there, whenever a network is
loaded.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harken.qwen3_asr.config import DecoderConfig
from harken.qwen3_asr.cuda.fuse import why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed"),
]

_ERRORS = """
import json, torch
from harken.qwen3_asr.config import DecoderConfig
from harken.qwen3_asr.cuda.fuse import _errors, _quantised_errors, why_not
text = DecoderConfig(
    vocabulary=100, width=96, ffn=160, layers=2, heads={heads}, kv_heads={kv_heads}, head_dim={head_dim},
    rope_theta=1e6, norm_eps=1e-6, max_positions=2048, is_tied=True,
)
with torch.inference_mode():
    errors = _errors(text, torch.device("cpu"), torch.float32)
    for kind in ("int8", "int4"):
        errors |= _quantised_errors(text, torch.device("cpu"), torch.float32, kind)
print(json.dumps([errors, why_not(text, torch.device("cpu"), torch.float32)]))
"""

_NETWORKS = """
import json, sys, torch
from harken.qwen3_asr.cache import KVCache
from harken.qwen3_asr.cuda.fuse import fuse
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import Options
from pathlib import Path
from tests.qwen3_asr import reference
from tests.qwen3_asr.parity_table import write_answers
plain = Qwen3ASR.load(Path(sys.argv[1]), dtype="float32")
fused = Qwen3ASR.load(Path(sys.argv[1]), dtype="float32")
is_fused = fuse(fused.network)
prompts = [plain.prompt(reference.wave(seconds, 1), Options()) for seconds in (0.5, 2.0)]
(a, scores), (b, others) = (write_answers(model, prompts, 4) for model in (plain, fused))
error = float((scores - others).norm() / scores.norm())
coded = Qwen3ASR.load(Path(sys.argv[1]), dtype="float32")
fuse(coded.network, "int8")
rounded = write_answers(coded, prompts, 4)[1]
print(json.dumps([is_fused, a == b, error, float((scores - rounded).norm() / scores.norm())]))
"""

_COMPILED = """
import json
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from harken.qwen3_asr.cuda import coded, kernels
WIDE = ("cosines", "sines", "sums", "peaks", "totals", "scales", "offsets")
WHOLE = ("width", "stride", "max_tokens", "splits", "rows", "outputs", "inputs", "groups")
def type_of(name):
    if name == "codes": return "*u8"
    if name in ("eps", "scale"): return "fp32"
    if name in ("slots", "positions"): return "*i64"
    return "i32" if name in WHOLE else "*fp32" if name in WIDE else "*bf16"
sizes = {
    "_rms_norm": {"WIDTH": 2048},
    "_silu_mul": {"WIDTH": 1024},
    "_turn_and_store": {"HEADS": 16, "KV_HEADS": 8, "HALF": 64},
    "_attend_part": {"KV_HEADS": 8, "GROUP": 2, "DIM": 128, "PART": kernels.SPLIT, "BLOCK": 32},
    "_attend_join": {"KV_HEADS": 8, "GROUP": 2, "DIM": 128, "PART": kernels.SPLIT},
}
kinds = [(getattr(kernels, name), constants) for name, constants in sizes.items()]
for bits, group in ((8, 128), (4, 64)):
    kinds.append((coded._multiply, {"BITS": bits, "GROUP": group, "ROWS": 16, "OUTPUTS": 32}))
done = []
for capability in (80, 90):
    for kernel, constants in kinds:
        types = {each: "constexpr" if each in constants else type_of(each) for each in kernel.arg_names}
        fixed = {(kernel.arg_names.index(each),): value for each, value in constants.items()}
        source = ASTSource(fn=kernel, signature=types, constexprs=fixed)
        triton.compile(source, target=GPUTarget("cuda", capability, 32))
        done.append(capability)
print(json.dumps(done))
"""


def _interpreted(program: str, *arguments: str, is_compiled: bool = False) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "TRITON_INTERPRET": "0" if is_compiled else "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), [(4, 4, 32), (16, 8, 128)])
def test_each_kernel_computes_what_torch_computes(heads: int, kv_heads: int, head_dim: int) -> None:
    """On the rows with which a network is asked when it is loaded; also where more than one program attends."""
    errors, reason = _interpreted(_ERRORS.format(heads=heads, kv_heads=kv_heads, head_dim=head_dim))
    assert isinstance(errors, dict)
    assert all(error < 1e-5 for error in errors.values()), errors
    assert reason == ""


def test_sizes_that_the_kernels_do_not_know_leave_the_decoder_plain() -> None:
    """Three query heads per key head; said before anything is compiled."""
    text = DecoderConfig(
        vocabulary=9, width=8, ffn=8, layers=1, heads=6, kv_heads=2, head_dim=32, rope_theta=1e6, norm_eps=1e-6,
        max_positions=9, is_tied=True,
    )  # fmt: skip
    assert "powers of two" in why_not(text, torch.device("cpu"), torch.float32)


def test_a_fused_decoder_writes_the_same(hf_folder: Path) -> None:
    """Prefill and decode steps of the whole network, also with rounded weights."""
    is_fused, is_same, error, rounding = _interpreted(_NETWORKS, str(hf_folder))
    assert is_fused
    assert is_same
    assert isinstance(error, float)
    assert error < 1e-5
    assert isinstance(rounding, float)
    assert 1e-4 < rounding < 0.1, "weights in int8 are others, and nearly the same"


def test_the_kernels_compile_for_real_devices() -> None:
    """To machine code for Ampere and Hopper, in bfloat16 and the published sizes; that needs a compiler and no GPU."""
    done = _interpreted(_COMPILED, is_compiled=True)
    assert done == [80] * 7 + [90] * 7
