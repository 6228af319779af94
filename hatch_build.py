"""Builds the CPU kernels into the wheel where a C compiler is at hand.

One C file, no Python in it: any compiler of the machine will do, and the wheel then fits every Python on this platform.
Without a compiler the wheel is pure Python, and instances on the CPU compute with torch's own kernels, slower.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/harken/qwen3_asr/native/kernels.c")
FLAGS = ("-O3", "-std=gnu11", "-fopenmp", "-fPIC", "-fvisibility=hidden")


class KernelBuildHook(BuildHookInterface[Any]):
    """Compiles kernels.c beside itself and marks the wheel as one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        source = Path(self.root) / SOURCE
        library = source.with_suffix(".so")
        if not compile_kernels(source, library):
            library.unlink(missing_ok=True)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(f"/{SOURCE.with_suffix('.so')}")


def compile_kernels(source: Path, library: Path) -> bool:
    """Compile. Linked by hand, the library leaves OpenMP's symbols to the runtime that torch has loaded."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        return False
    compiler = os.environ.get("CC", "cc")
    compiled = library.with_suffix(".o")
    try:
        subprocess.run([compiler, *FLAGS, "-c", str(source), "-o", str(compiled)], check=True, capture_output=True)
        subprocess.run([compiler, "-shared", str(compiled), "-o", str(library), "-lm"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
        print(f"harken: built without CPU kernels ({told.strip()[-500:]})", file=sys.stderr)
        return False
    finally:
        compiled.unlink(missing_ok=True)
    return True
