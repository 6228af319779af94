"""The memory that a process of ours holds.

Pages that several processes share (weights mapped from one file, libraries) count with their part: that is what becomes
free when the process ends. None where the system does not say.
"""

from __future__ import annotations

from pathlib import Path


def held_bytes(pid: int, root: Path = Path("/")) -> int | None:
    """Tell how much RAM a process holds; None where it is gone, not ours, or not on Linux.

    Args:
        pid: its number.
        root: where `proc` is.
    """
    try:
        text = (root / "proc" / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if name == "Pss" and words and words[0].isdecimal():
            return int(words[0]) * 1024
    return None
