"""Room on a disk: what a pull needs of it, and what it leaves to others.

It decides nothing about which files are needed. The invariant: whatever a server sends, so much stays free.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from harken.ops.pull.failures import PullFailed

SPARE_BYTES = 16 * 1024 * 1024
"""What a disk must have beyond the files themselves."""


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse before it is fetched what cannot fit.

    Args:
        folder: on the disk that counts.
        needed: in bytes.
        what: what needs them.

    Raises:
        PullFailed: there is no room.
        OSError: the disk does not say.
    """
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise PullFailed(
            f"{what} needs {mb(needed)} more and {mb(SPARE_BYTES)} to spare, and the disk of {folder} has "
            f"{mb(free)} free. Make room, or choose another folder: --set models.folder=FOLDER."
        )


def has_room(folder: Path) -> bool:
    """Whether more may be written at all.

    Raises:
        OSError: the disk does not say.
    """
    return shutil.disk_usage(folder).free > SPARE_BYTES


def of_disk(error: OSError, folder: Path) -> str:
    """What a disk's error is, in a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {folder} is full; what arrived is kept, and the same command goes on from there."
    return f"{error.filename or folder} cannot be written: {error.strerror or error}."


def mb(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:,.0f} MB"
