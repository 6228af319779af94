"""How busy the CPU is: of the cores that this process may use, within its container's allowance.

Two looks make a share; what the kernel counts is read here, and what it means is computed by pure functions. It knows
nothing of GPUs, nor of who makes the CPU busy. Invariant: a share is from 0 to 1, or None where it cannot be told (the
first look, another system than Linux, counters that went back).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IDLE_FIELDS: Final = (3, 4)
"""idle and iowait: whoever waits for a disk leaves the core to others."""

_COUNTED_FIELDS: Final = 8
"""user, nice, system, idle, iowait, irq, softirq, steal; guests are within user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CpuTimes:
    """What the kernel has counted so far.

    Attributes:
        at: monotonic seconds.
        busy: ticks in which the cores worked, together.
        total: ticks that passed on them, together.
        used_s: CPU-seconds that the container has used; None where nothing limits it.
        quota: cores' worth of CPU time that it is allowed; None where nothing limits it.
    """

    at: float
    busy: int
    total: int
    used_s: float | None = None
    quota: float | None = None


def parse_stat(text: str, cores: frozenset[int]) -> tuple[int, int] | None:
    """Add up the busy and all ticks of some cores in the text of /proc/stat; None where it has none of them."""
    busy = total = 0
    for line in text.splitlines():
        name, *fields = line.split()[: _COUNTED_FIELDS + 1] or [""]
        number = name.removeprefix("cpu")
        if name == number or not number.isdecimal() or int(number) not in cores:
            continue
        ticks = [int(field) for field in fields if field.isdecimal()]
        idle = sum(ticks[place] for place in _IDLE_FIELDS if place < len(ticks))
        busy += sum(ticks) - idle
        total += sum(ticks)
    return (busy, total) if total else None


def parse_quota(text: str) -> float | None:
    """Read cgroup v2's cpu.max ("150000 100000") as cores; None for "max" and for what is none."""
    fields = text.split()
    if len(fields) != 2 or not all(field.isdecimal() for field in fields) or not int(fields[0]) or not int(fields[1]):
        return None
    return int(fields[0]) / int(fields[1])


def parse_used_s(text: str) -> float | None:
    """Read the CPU-seconds of cgroup v2's cpu.stat; None where it has none."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "usage_usec" and value.strip().isdecimal():
            return int(value) / 1e6
    return None


def share(before: CpuTimes, after: CpuTimes) -> float | None:
    """Return the busy part between two looks: of the cores or of the container's allowance, whichever is fuller."""
    shares = []
    if after.total > before.total:
        shares.append((after.busy - before.busy) / (after.total - before.total))
    passed_s = after.at - before.at
    if before.used_s is not None and after.used_s is not None and after.quota and passed_s > 0:
        shares.append((after.used_s - before.used_s) / (after.quota * passed_s))
    return min(max(*shares, 0.0), 1.0) if shares else None


class CpuMeter:
    """Tells how busy the CPU was since it was last asked.

    Args:
        stat: the kernel's counters.
        cgroup: the folder of this process's container; one without cpu.max limits nothing.
        now: monotonic seconds.
    """

    def __init__(
        self,
        *,
        stat: Path = Path("/proc/stat"),
        cgroup: Path = Path("/sys/fs/cgroup"),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stat = stat
        self._cgroup = cgroup
        self._now = now
        self._before: CpuTimes | None = None
        self._value: float | None = None

    def read(self) -> float | None:
        """The busy part since the last call, 0 to 1; the same as then where too little time has passed to tell."""
        after = self._look()
        before, self._before = self._before, after
        if before is None or after is None:
            return None
        if after.total == before.total:
            self._before = before
            return self._value
        self._value = share(before, after)
        return self._value

    def _look(self) -> CpuTimes | None:
        try:
            ticks = parse_stat(self._stat.read_text(encoding="ascii", errors="replace"), _cores())
        except OSError:
            return None
        if ticks is None:
            return None
        quota = parse_quota(_text(self._cgroup / "cpu.max"))
        used_s = parse_used_s(_text(self._cgroup / "cpu.stat")) if quota is not None else None
        return CpuTimes(at=self._now(), busy=ticks[0], total=ticks[1], used_s=used_s, quota=quota)


def _cores() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
