"""Builds the CPU kernels into the wheel where a C compiler is at hand.

C files with no Python in them: any compiler of the machine will do, and the wheel then fits every Python here.
Without a compiler the wheel is pure Python, and instances on the CPU compute with torch's own kernels, slower.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/harken/qwen3_asr/native")
LIBRARY = FOLDER / "kernels.so"
FLAGS = ("-O3", "-std=gnu11", "-pthread", "-fPIC", "-fvisibility=hidden")


class KernelBuildHook(BuildHookInterface[Any]):
    """Compiles the kernels beside their sources and marks the wheel as one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        root = Path(self.root)
        if not compile_kernels(sorted((root / FOLDER).glob("*.c")), root / LIBRARY):
            (root / LIBRARY).unlink(missing_ok=True)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(f"/{LIBRARY}")


def compile_kernels(sources: list[Path], library: Path) -> bool:
    """Compile and link; say so on standard error where that fails."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        return False
    compiler = shlex.split(os.environ.get("CC", "cc"))
    with tempfile.TemporaryDirectory() as folder:
        objects = [str(Path(folder) / f"{source.stem}.o") for source in sources]
        compiling = [
            [*compiler, *FLAGS, "-c", str(source), "-o", compiled]
            for source, compiled in zip(sources, objects, strict=True)
        ]
        try:
            for command in (*compiling, [*compiler, "-shared", "-pthread", *objects, "-o", str(library), "-lm"]):
                subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else error
            print(f"harken: built without CPU kernels ({str(told).strip()[-500:]})", file=sys.stderr)
            return False
    return True
