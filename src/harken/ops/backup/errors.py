"""How a backup or a restore fails, beside what the state itself may raise.

Knows nothing of archives. The invariant: behind `naming_failures` no failure of a file system is without one of our
codes and the place where it happened.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from harken.errors import HarkenError, StorageFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BackupFailed(HarkenError):
    """The backup could not be made; nothing of it is left."""

    code = "backup_failed"
    default = "The backup cannot be made."


class BackupUnreadable(HarkenError):
    """The file, or the place in which it is tried, cannot be read or written; nothing is said of its content."""

    code = "backup_unreadable"
    default = "The backup cannot be read."


class BackupDamaged(HarkenError):
    """The file is no backup of Harken's, is cut off, or is not what was written."""

    code = "backup_damaged"
    default = "This is not a whole backup."


class RestoreRefused(HarkenError):
    """The backup is good, but must not go where it should; nothing was changed."""

    code = "restore_refused"
    default = "The backup is not restored there."


@contextmanager
def naming_failures(what: str, kind: type[HarkenError] = BackupFailed) -> Iterator[None]:
    """Give failures of the file system our names.

    Raises:
        StorageFull: a disk has no room.
        HarkenError: of the kind, for anything else.
    """
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        if error.errno in FULL:
            raise StorageFull(f"{what}: the disk has no room.") from error
        raise kind(f"{what}:{where} {error.strerror or error}.") from error
