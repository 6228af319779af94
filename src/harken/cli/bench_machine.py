"""Where a load test was run, as its report says: the machine that sent, and the source it was sent by.

What cannot be known is "", never a guess. The invariant: nothing in it names a user, a folder or a host.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import harken
from harken.machine.memory import own_memory
from harken.machine.processor import own_processor

_GIT_S = 5.0


def machine() -> str:
    """The processor, how many cores, memory, system and Python."""
    cpu = own_processor()
    memory = own_memory().total_bytes
    parts = [cpu.model or cpu.architecture, f"{os.cpu_count()} CPUs"]
    parts += [f"{memory / 2**30:.0f} GiB"] if memory else []
    return ", ".join([*parts, platform.system(), f"Python {platform.python_version()}"])


def commit() -> str:
    """Of the repository that this source is in, with "-dirty" where it was changed; "" where it is in none."""
    source = Path(harken.__file__).parent
    if not (source.parent.parent / ".git").exists():  # an installation inside of somebody else's repository
        return ""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 - git's own name, and no word of a user's
            command, cwd=source, capture_output=True, text=True, check=False, timeout=_GIT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
