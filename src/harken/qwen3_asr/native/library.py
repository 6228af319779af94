"""The compiled kernels: found beside this file, loaded once, declared to ctypes.

Owns the structures of kernels.h and the question whether this machine can run them: the library is built with the
wheel where a C compiler is at hand, and needs a CPU with AVX-512 (VNNI). It refuses to know the network. Everything
takes float32 tensors on the CPU, contiguous but for the stride between rows. One pool of threads serves the whole
process; callers from several threads take turns.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_double, c_float, c_int, c_size_t, c_void_p
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "kernels.so"

KINDS = {"bfloat16": 0, "int8": 1, "int4": 2}
DOT = 3
"""The packing of bfloat16, multiplied by the CPU's own dot product, which rounds inputs to bfloat16."""

PLAIN, RMS_NORM, LAYER_NORM, SWIGLU, CONVOLVE = range(5)
BIAS, GELU, ADD = 1, 2, 4

_DOT_GAIN = 1.2
"""How much faster the dot product must be to be worth its rounding."""


class Product(Structure):
    """`struct product`: weights, and what happens to inputs on the way in and to outputs on the way out."""

    _fields_ = (
        ("weight", c_void_p), ("bias", c_void_p), ("norm", c_void_p), ("norm_bias", c_void_p), ("eps", c_float),
        ("kind", c_int), ("outputs", c_int), ("inputs", c_int), ("prologue", c_int), ("epilogue", c_int),
        ("height", c_int), ("width", c_int), ("channels", c_int), ("kernel_height", c_int), ("kernel_width", c_int),
        ("stride_height", c_int), ("stride_width", c_int), ("padding", c_int),
    )  # fmt: skip


class Heads(Structure):
    """`struct heads`: one layer of the cache, and whose each row is."""

    _fields_ = (
        ("keys", c_void_p), ("values", c_void_p), ("slots", c_void_p), ("positions", c_void_p),
        ("cosines", c_void_p), ("sines", c_void_p), ("q_norm", c_void_p), ("k_norm", c_void_p), ("eps", c_float),
        ("heads", c_int), ("kv_heads", c_int), ("head_dim", c_int), ("max_tokens", c_int),
    )  # fmt: skip


class Layer(Structure):
    """`struct layer`: a decoder layer's four products, and the norms of its heads."""

    _fields_ = (
        ("qkv", Product), ("out", Product), ("gate_up", Product), ("down", Product),
        ("q_norm", c_void_p), ("k_norm", c_void_p),
    )  # fmt: skip


@cache
def library() -> ctypes.CDLL | None:
    """The kernels; None where they were not built or this machine cannot run them."""
    try:
        found = ctypes.CDLL(str(FILE))
    except OSError:
        return None
    found.harken_packed_bytes.argtypes = (c_int, c_int, c_int)
    found.harken_packed_bytes.restype = c_size_t
    found.harken_pack.argtypes = (c_int, c_void_p, c_int, c_int, c_void_p)
    found.harken_pack.restype = None
    found.harken_product.argtypes = (POINTER(Product), c_void_p, c_size_t, c_int, c_void_p, c_size_t)
    found.harken_attend.argtypes = (POINTER(Heads), c_void_p, c_int, c_void_p)
    found.harken_layers.argtypes = (
        POINTER(Layer), c_int, POINTER(Heads), c_size_t, c_void_p, c_int, c_void_p, c_void_p, c_void_p
    )  # fmt: skip
    found.harken_attend_windows.argtypes = (
        c_void_p, c_int, c_int, c_int, c_void_p, c_void_p, c_int, c_void_p
    )  # fmt: skip
    found.harken_dot_gain.restype = c_double
    found.harken_set_threads.argtypes = (c_int,)
    found.harken_set_threads.restype = None
    if not found.harken_supported():
        return None
    found.harken_set_threads(len(os.sched_getaffinity(0)))  # it is built for Linux only
    return found


def kernels() -> ctypes.CDLL:
    """As `library`, where the caller knows that there is one."""
    found = library()
    assert found is not None, "nothing is packed without the kernels"
    return found


def has_heads_of(head_dim: int) -> bool:
    """Whether the kernels attend with heads of this size."""
    return bool(kernels().harken_has_heads_of(head_dim))


@cache
def bfloat16_kind() -> int:
    """How bfloat16 weights are multiplied here: in float32, or by the CPU's dot product where that is faster.

    It is twice as fast on AMD since Zen 4 and slower on Intel without AMX, so it is measured, once per process.
    """
    return DOT if kernels().harken_dot_gain() >= _DOT_GAIN else KINDS["bfloat16"]


def check(result: int) -> None:
    """Raise for a kernel that could not do its work.

    Raises:
        MemoryError: there was none for its inputs.
    """
    if result:
        raise MemoryError("the CPU kernels got no memory for their inputs")


def set_threads(count: int) -> None:
    """How many threads a kernel takes, the caller's included; as many as the process has CPUs until this is called."""
    if (found := library()) is not None:
        found.harken_set_threads(count)
