"""One at a time: a lock on one revision of one model, or on what its branches mean, between processes.

The kernel gives it back when its holder dies, however that happens. The lock's file is never deleted: whoever deletes
one that somebody else has opened would let two in.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Take the lock if nobody has it; gives whether it was taken.

    Raises:
        OSError: the lock's file cannot be made.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)  # and with it the lock


@contextmanager
def wait_lock(path: Path) -> Iterator[None]:
    """Take a lock that nobody holds for longer than a small file takes.

    Raises:
        OSError: the lock's file cannot be made.
    """
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
