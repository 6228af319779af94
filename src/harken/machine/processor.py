"""The CPU: what it is called, and which of the instructions that matter here it has.

Owns the names of those instructions and which of them the packed kernels (`harken.qwen3_asr.native`) need. What the
system lists is believed; nothing is measured.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

KERNELS_NEED = ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni")
"""What `harken_supported` of native/product.c asks for, in the words of /proc/cpuinfo."""

_TOLD = ("avx2", *KERNELS_NEED, "avx512_bf16", "amx_bf16", "neon")

_ALIASES = {"asimd": "neon"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """A CPU.

    Attributes:
        model: what it calls itself; "" where the system does not say.
        architecture: "x86_64", "aarch64", …
        features: of the instructions that matter here, those it has, in a fixed order.
        missing: what the packed kernels need and it does not have.
    """

    model: str
    architecture: str
    features: tuple[str, ...]
    missing: tuple[str, ...]


def own_processor(root: Path = Path("/")) -> Processor:
    """Look at the CPU that we run on.

    Args:
        root: where `proc` is.
    """
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return read_processor(text, platform.machine())


def read_processor(text: str, architecture: str) -> Processor:
    """Read `/proc/cpuinfo`, of x86 or ARM (pure)."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    words = (fields.get("flags") or fields.get("Features") or "").split()
    has = {_ALIASES.get(word, word) for word in words}
    return Processor(
        model=fields.get("model name", ""),
        architecture=architecture,
        features=tuple(name for name in _TOLD if name in has),
        missing=tuple(name for name in KERNELS_NEED if name not in has),
    )
