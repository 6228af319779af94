"""CPU cores: those that this process may use, how they are written down, and staying on some of them.

Owns the notation "0-3,8" and the two looks at the system: affinity with the control group's quota, and which memory
(NUMA node) each core is near to. It refuses to know who gets which core. The invariant: cores are told in rising order,
each once.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harken.errors import ConfigError
from harken.machine.cgroup import own_limits

_PART = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cores:
    """The cores of this machine that are ours.

    Attributes:
        ids: which, by the numbers of the system; empty where it does not say.
        count: how many.
        quota: CPU-seconds per second that the control group allows; None for no limit.
        nodes: the NUMA node of each core, where the system has several.
    """

    ids: tuple[int, ...]
    count: int
    quota: float | None = None
    nodes: Mapping[int, int] = field(default_factory=dict)

    @property
    def usable(self) -> int:
        """Cores' worth of work that can be done at the same time: a quota of 1.5 keeps two busy, though not all day."""
        return self.count if self.quota is None else max(1, min(self.count, math.ceil(self.quota)))


def own_cores(root: Path = Path("/")) -> Cores:
    """Look at the cores that this process may use.

    Args:
        root: where `proc` and `sys` are.
    """
    ids = tuple(sorted(os.sched_getaffinity(0))) if sys.platform == "linux" else ()
    nodes = _nodes(root / "sys/devices/system/node")
    return Cores(
        ids=ids,
        count=len(ids) or os.cpu_count() or 1,
        quota=own_limits(root).cpu_quota,
        nodes={core: node for core, node in nodes.items() if core in ids} if len(set(nodes.values())) > 1 else {},
    )


def parse_cores(text: str) -> tuple[int, ...]:
    """Read a list of cores such as "0-3,8"; nothing for "".

    Raises:
        ConfigError: it is no such list, or names a core twice.
    """
    found: list[int] = []
    for part in (part.strip() for part in text.split(",")) if text.strip() else ():
        match = _PART.fullmatch(part) if part.isascii() else None
        if match is None:
            raise ConfigError(f"instance.cores must be numbers and ranges such as '0-3,8', not {text!r}.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ConfigError(f"instance.cores: the range {part!r} goes backwards.")
        found += range(first, last + 1)
    if len(found) != len(set(found)):
        raise ConfigError(f"instance.cores names a core twice: {text!r}.")
    return tuple(sorted(found))


def write_cores(cores: Iterable[int]) -> str:
    """Write cores as `parse_cores` reads them, as short as possible."""
    runs: list[list[int]] = []
    for core in sorted(set(cores)):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def stay_on(text: str) -> tuple[int, ...]:
    """Keep this process, all its threads and all that they will start, on some cores.

    Args:
        text: which, as `parse_cores` reads it; "" leaves everything as it is.

    Returns:
        The cores; nothing for "".

    Raises:
        ConfigError: it is no list of cores, some of them are not ours, or the system cannot do that.
    """
    wanted = parse_cores(text)
    if not wanted:
        return ()
    if sys.platform != "linux":
        raise ConfigError("instance.cores needs Linux; leave it empty here.")
    ours = os.sched_getaffinity(0)
    if strange := sorted(set(wanted) - ours):
        raise ConfigError(
            f"instance.cores names {write_cores(strange)}, but this process may use {write_cores(ours)} only."
        )
    # Threads that run already (of a library that was imported) would otherwise stay where they are.
    for thread in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(thread.name), wanted)
        except ProcessLookupError:
            continue  # it has ended meanwhile
        except OSError as error:
            raise ConfigError(f"instance.cores {text!r} cannot be had: {error.strerror}.") from error
    return wanted


def _nodes(folder: Path) -> dict[int, int]:
    """The NUMA node of each core."""
    found: dict[int, int] = {}
    for node in sorted(folder.glob("node[0-9]*")):
        try:
            cores = parse_cores((node / "cpulist").read_text(encoding="ascii").strip())
        except (OSError, ValueError, ConfigError):
            continue
        found |= dict.fromkeys(cores, int(node.name.removeprefix("node")))
    return found
