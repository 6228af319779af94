"""The folder of a fleet's MPS daemon: its sockets and its log.

It is in the state folder, so that a gateway that was killed finds its daemon again when it comes back. Where that
cannot be (its path is too long for a socket, it cannot be written, or another gateway holds it) it is a temporary one.
The invariant: no two gateways ever have the same one at the same time; the kernel's lock says so, which ends with its
holder however that ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harken.errors import StateUnavailable
from harken.fleet.mps_plan import has_room_for_sockets, log_folder, pipe_folder
from harken.state import make_folder

_SHORT = "/tmp"  # noqa: S108 - only where TMPDIR is too long for a socket; mkdtemp makes a private folder in it
_NAME = "harken-mps-"


@contextmanager
def mps_folder(state: Path) -> Iterator[Path]:
    """Yield the folder; afterwards the sockets are gone, and the log stays only in the state folder.

    Args:
        state: the state folder.

    Raises:
        OSError: no folder can be made anywhere.
    """
    kept = state / "mps"
    lock = _hold(state, kept) if has_room_for_sockets(kept) else None
    if lock is None:
        folder = _temporary()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        yield kept
    finally:
        shutil.rmtree(pipe_folder(kept), ignore_errors=True)
        os.close(lock)


def empty(folder: Path) -> None:
    """Make its two folders anew; what a daemon that is gone has left there is of no use.

    Raises:
        OSError: that is not possible.
    """
    for part in (pipe_folder(folder), log_folder(folder)):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, exist_ok=True)


def _hold(state: Path, folder: Path) -> int | None:
    """Lock the folder for as long as the descriptor is open; None where that cannot be."""
    try:
        make_folder(state)
        descriptor = os.open(make_folder(folder), os.O_RDONLY | os.O_CLOEXEC)
    except (StateUnavailable, OSError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _temporary() -> Path:
    usual = Path(tempfile.mkdtemp(prefix=_NAME))
    if has_room_for_sockets(usual):
        return usual
    usual.rmdir()
    return Path(tempfile.mkdtemp(prefix=_NAME, dir=_SHORT))
