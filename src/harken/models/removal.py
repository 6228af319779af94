"""Getting rid of folders: out of sight first, then off the disk.

A removal that is killed leaves a folder that nobody finds, under a name that says which revision it was. The invariant:
`sweep` deletes only such folders, and none that somebody is at work on, which the lock of its revision tells.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harken.models.lock import try_lock

_REMOVED = re.compile(r"\.removed-([0-9a-f]+)-\d+")


def set_aside(folder: Path) -> Path:
    """Take a revision's folder out of sight; whoever does holds the lock of that revision.

    Raises:
        OSError: it cannot be renamed.
    """
    return folder.rename(folder.with_name(f".removed-{folder.name}-{os.getpid()}"))


def delete(doomed: Path) -> None:
    """Delete what was set aside; of a link only the link.

    Raises:
        OSError: it cannot be deleted.
    """
    if doomed.is_dir() and not doomed.is_symlink():
        shutil.rmtree(doomed)
    else:
        doomed.unlink()


def sweep(parent: Path, lock_of: Callable[[str], Path]) -> bool:
    """Delete what removals that were killed left; whether there was any. What cannot be deleted stays.

    Args:
        parent: of the folders of a model's revisions.
        lock_of: the lock's file of one revision.
    """
    try:
        left = [(one, found[1]) for one in parent.iterdir() if (found := _REMOVED.fullmatch(one.name))]
    except OSError:
        return False
    for one, revision in left:
        with suppress(OSError), try_lock(lock_of(revision)) as is_taken:
            if is_taken:
                delete(one)
    return bool(left)
