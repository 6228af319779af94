"""A disk, asked for by a folder that may not be there yet.

Looks at the nearest folder above that exists, since that is where the new one would be made. The invariant: nothing is
made or written, so a look never changes anything.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """Room for a folder.

    Attributes:
        folder: that was asked for.
        existing: the folder itself, or the nearest one above it that exists.
        free_bytes: what this user may still write; None where the system does not say.
        is_writable: whether this process may write there, or make the folder.
        problem: why not, in a few words; "" where it may.
    """

    folder: Path
    existing: Path
    free_bytes: int | None
    is_writable: bool
    problem: str = ""


def disk_of(folder: Path) -> Disk:
    """Look at the disk on which a folder is, or would be."""
    existing = folder
    while not _exists(existing) and existing != existing.parent:
        existing = existing.parent
    try:
        free: int | None = shutil.disk_usage(existing).free
    except OSError:
        free = None
    problem = _problem(existing)
    return Disk(folder=folder, existing=existing, free_bytes=free, is_writable=not problem, problem=problem)


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:
        return True  # not allowed to look: it is this one that stands in the way


def _problem(folder: Path) -> str:
    try:
        if not folder.is_dir():
            return f"{folder} is no folder" if not folder.is_symlink() else f"{folder} is a link that leads nowhere"
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if os.access(folder, os.W_OK | os.X_OK):
        return ""
    try:
        is_read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        is_read_only = False
    return f"{folder} is on a read-only file system" if is_read_only else f"no permission to write to {folder}"
