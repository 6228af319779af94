"""Folders that are gone when a backup or a restore is over, however it ends.

Each is locked by the process that uses it, so the next one can tell what a killed process left, and removes it. The
invariant: a folder that somebody uses is never removed by another, from the moment that its name is told.
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
    folder, lock = _make(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make(parent: Path) -> tuple[Path, int | None]:
    """Make a folder of a new name and lock it; without a lock only where the file system has none.

    Between the two another process may take it for one that was left: then it is theirs to remove, and we begin anew.
    """
    while True:
        folder = parent / f"{MARK}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        try:
            lock = _try_lock(folder)
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError:
            return folder, None
        if folder.exists():  # names are never used again: if it is there, it is the one that we locked
            return folder, lock
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder that was left; None where somebody has it, or it cannot be locked."""
    try:
        return _try_lock(folder)
    except OSError:
        return None


def _try_lock(folder: Path) -> int:
    """Lock a folder until the descriptor is closed or the process dies.

    Raises:
        BlockingIOError: somebody has it.
        OSError: it is gone, is no folder, or cannot be locked.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened
