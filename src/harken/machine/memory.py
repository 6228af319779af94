"""The machine's memory, as far as this process may have it.

The smaller of what Linux estimates to be available and what the control group leaves. The invariant: never more than
can be had; None where the system does not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harken.machine.cgroup import Limits, own_limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """RAM.

    Attributes:
        total_bytes: of the machine, or the control group's limit where that is less.
        available_bytes: what processes could take now without swapping.
        is_limited: whether a control group is what limits it.
    """

    total_bytes: int | None
    available_bytes: int | None
    is_limited: bool = False


def own_memory(root: Path = Path("/")) -> Memory:
    """Look at the memory.

    Args:
        root: where `proc` and `sys` are.
    """
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    return read_memory(text, own_limits(root))


def read_memory(meminfo: str, limits: Limits) -> Memory:
    """Read `/proc/meminfo` within a control group's limits (pure)."""
    found = {}
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdecimal():
            found[name] = int(words[0]) * 1024
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    is_limited = limits.memory_bytes is not None and (total is None or limits.memory_bytes < total)
    return Memory(
        total_bytes=_least(total, limits.memory_bytes),
        available_bytes=_least(available, limits.memory_room_bytes),
        is_limited=is_limited,
    )


def _least(first: int | None, second: int | None) -> int | None:
    return min((number for number in (first, second) if number is not None), default=None)
