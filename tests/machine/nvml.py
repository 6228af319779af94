"""A machine with GPUs that it does not have: the real binding over a stand-in for NVIDIA's library, compiled here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).parent / "nvml_stub.c"


def compile_stub(folder: Path) -> Path:
    """Compile the stand-in into a folder under the name that the binding looks for; return the folder."""
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, _SOURCE], check=True)
    return folder


def surroundings(folder: Path, gpus: str, **variables: str) -> dict[str, str]:
    """The environment of a process that sees these GPUs (letters as in nvml_stub.c)."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "STUB_", "HARKEN_"))}
    return {**ours, "LD_LIBRARY_PATH": str(folder), "STUB_NVML_GPUS": gpus, **variables}


def run_python(code: str, env: dict[str, str]) -> str:
    """Run Python in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
