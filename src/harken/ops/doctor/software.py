"""Python, the packages that instances need, torch, and the CPU kernels: what is installed.

Torch is imported in a process of its own: only that shows whether it works here, and it takes seconds and hundreds of
megabytes that nobody else needs. Its version and its CUDA are read from its files first, so that they are known even
where that process does not answer.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

from harken.ops.doctor.facts import Package, Software, Torch
from harken.qwen3_asr.native.library import FILE, library

EXTRA = "engine"

TORCH_TIMEOUT_S = 6.5

_FALLBACK = ("huggingface-hub", "safetensors", "tokenizers", "torch")
"""The extra's packages, where Harken runs from a folder and was not installed."""

_PROBE = """
import json, sys
try:
    import torch
    print(json.dumps({"cuda": torch.version.cuda, "sees": torch.cuda.is_available()}))
except BaseException as error:
    print(json.dumps({"problem": f"{type(error).__name__}: {error}"[:300]}))
"""


def own_software(*, needs_torch: bool) -> Software:
    """Look at what is installed; blocks for as long as torch takes to be imported.

    Args:
        needs_torch: whether torch is asked.
    """
    return Software(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=sys.version_info[:3],
        executable=sys.executable,
        packages=_packages(),
        torch=_torch() if needs_torch else read_torch(),
        has_kernels=FILE.is_file(),
        runs_kernels=library() is not None,
    )


def read_torch() -> Torch:
    """Read torch's version and CUDA from its files, without importing it."""
    version = _version("torch")
    try:
        spec = importlib.util.find_spec("torch")
        text = (Path(spec.origin or "").parent / "version.py").read_text(encoding="utf-8") if spec else ""
    except (OSError, ValueError):
        text = ""
    found = re.search(r"^cuda\b[^=]*=\s*'(\d+)\.(\d+)", text, re.MULTILINE)
    return Torch(version=version, cuda=(int(found[1]), int(found[2])) if found else None)


def _torch() -> Torch:
    told = read_torch()
    if not told.version:
        return told
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TORCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return dataclasses.replace(told, problem=f"no answer within {TORCH_TIMEOUT_S:g} s")
    except OSError as error:
        return dataclasses.replace(told, problem=str(error))
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return dataclasses.replace(told, sees_cuda=False, problem=f"importing it ends with exit code {done.returncode}")
    if problem := answer.get("problem"):
        return dataclasses.replace(told, sees_cuda=False, problem=problem)
    return dataclasses.replace(told, sees_cuda=bool(answer["sees"]))


def _packages() -> tuple[Package, ...]:
    try:
        lines = importlib.metadata.requires("harken") or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    found = [read_requirement(line) for line in lines if re.search(rf"extra\s*==\s*['\"]{EXTRA}['\"]", line)]
    wanted = found or [(name, "") for name in _FALLBACK]
    return tuple(Package(name=name, wanted=spec, version=_version(name)) for name, spec in wanted)


def read_requirement(line: str) -> tuple[str, str]:
    """Split "torch<3,>=2.11; extra == 'engine'" into name and versions (pure)."""
    bare = line.partition(";")[0].strip()
    match = re.match(r"[\w.-]+", bare)
    name = match[0] if match else bare
    return name, bare.removeprefix(name).strip()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
