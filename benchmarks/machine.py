"""Where a figure was measured: the machine and the commit, written beside every result."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parent.parent


def machine() -> str:
    """The processor, how many of it, and Python's version."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured, with "-dirty" where files were changed since; "" outside of a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
