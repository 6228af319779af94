"""Folders that are gone when a backup or a restore is over, however it ends.

Each is locked by the process that uses it, so the next one can tell what a killed process left, and removes it. The
invariant: a folder that somebody uses is never removed by another.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".harken-passing-"


@contextmanager
def passing_folder(parent: Path) -> Iterator[Path]:
    """Make a folder that only this user can read; it is removed afterwards, and so are older ones that nobody uses.

    Raises:
        OSError: it cannot be made.
    """
    for old in parent.glob(f"{MARK}*"):
        if (lock := _lock(old)) is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(lock)
    folder = parent / f"{MARK}{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder until the descriptor is closed or the process dies; None where somebody has it."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened
