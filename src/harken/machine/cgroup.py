"""What the control group of this process allows: a container's share of the machine.

Reads version 2 (`cpu.max`, `memory.max`) and version 1 (`cpu.cfs_quota_us`, `memory.limit_in_bytes`), where they are
mounted, from the process's own group up to the mount's root: the tightest limit on the way counts. It refuses to know
what the machine itself has. The invariant: what cannot be read is no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60
"""Version 1 says "no limit" with the largest number of pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a control group allows.

    Attributes:
        cpu_quota: CPU-seconds per second, such as 1.5; None for no limit.
        memory_bytes: the most memory; None for no limit.
        memory_room_bytes: how much of that is left; files that are only cached count as left.
    """

    cpu_quota: float | None = None
    memory_bytes: int | None = None
    memory_room_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Files:
    """Where a version keeps memory's figures."""

    limit: str
    used: str
    cached: str


_V2 = _Files(limit="memory.max", used="memory.current", cached="inactive_file")
_V1 = _Files(limit="memory.limit_in_bytes", used="memory.usage_in_bytes", cached="total_inactive_file")


def own_limits(root: Path = Path("/")) -> Limits:
    """Look at the limits of this process.

    Args:
        root: where `proc` and `sys` are.
    """
    quotas: list[float] = []
    memory: list[tuple[int, int]] = []
    groups = _groups(_text(root / "proc/self/cgroup"))
    for mount in _mounts(_text(root / "proc/self/mountinfo")):
        path = next((group for name, group in groups if name in mount.controllers), None)
        if path is None:
            continue
        for folder in _upwards(root, mount, path):
            quotas += _quota(folder)
            memory += _memory(folder, _V2 if mount.controllers == {""} else _V1)
    limit, room = min(memory, default=(None, None))
    rooms = [left for _, left in memory]
    return Limits(
        cpu_quota=min(quotas, default=None),
        memory_bytes=limit,
        memory_room_bytes=None if room is None else max(0, min(rooms)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mount:
    """A mounted hierarchy; version 2 has the one controller ""."""

    folder: str
    root: str
    controllers: frozenset[str]


def _mounts(text: str) -> Iterator[_Mount]:
    """Read `/proc/self/mountinfo` (proc(5))."""
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields, source = before.split(), after.split()
        if not dash or len(fields) < 5 or len(source) < 3:
            continue
        if source[0] == "cgroup2":
            yield _Mount(folder=fields[4], root=fields[3], controllers=frozenset({""}))
        elif source[0] == "cgroup":
            yield _Mount(
                folder=fields[4], root=fields[3], controllers=frozenset(source[2].split(",")) & {"cpu", "memory"}
            )


def _groups(text: str) -> list[tuple[str, str]]:
    """Read `/proc/self/cgroup`: controller and path; "" is version 2."""
    found = []
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            found += [(name, parts[2]) for name in parts[1].split(",")]
    return found


def _upwards(root: Path, mount: _Mount, path: str) -> Iterator[Path]:
    """The group's folder and those above it, up to the mount's own."""
    # In a container the path may be the host's, while the mount shows the container's own part alone.
    inner = path.removeprefix(mount.root) if path.startswith(mount.root) else ""
    parts = [part for part in inner.split("/") if part not in ("", ".", "..")]
    base = root / mount.folder.lstrip("/")
    for count in range(len(parts), -1, -1):
        yield base.joinpath(*parts[:count])


def _quota(folder: Path) -> list[float]:
    """CPU-seconds per second; nothing for no limit."""
    words = _text(folder / "cpu.max").split() or [
        _text(folder / "cpu.cfs_quota_us").strip(),
        _text(folder / "cpu.cfs_period_us").strip(),
    ]
    quota, period = (_number(word) for word in words[:2]) if len(words) >= 2 else (None, None)
    return [quota / period] if quota and period and quota > 0 and period > 0 else []


def _memory(folder: Path, files: _Files) -> list[tuple[int, int]]:
    """The limit and what is left of it, in bytes; nothing for no limit."""
    limit, used = (_number(_text(folder / name).strip()) for name in (files.limit, files.used))
    if limit is None or used is None or limit >= _UNLIMITED:
        return []
    stat = dict(line.split(maxsplit=1) for line in _text(folder / "memory.stat").splitlines() if " " in line)
    cached = _number(stat.get(files.cached, "0")) or 0
    return [(limit, limit - max(0, used - cached))]


def _number(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None  # "max", or a file that is not there


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
