"""The place of a restored state folder: may it go there, and how it gets there.

A folder that holds something is never written into: it is refused, or moved aside as a whole. The invariant: at every
moment the place holds the old state, nothing, or the new one, never something of both.
"""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from harken.config import StateConfig
from harken.ops.backup.errors import RestoreRefused
from harken.ops.backup.passing import MARK
from harken.state import run_folders
from harken.state.control_socket import NAME, is_answered

_NOTHING = frozenset({"lost+found"})
"""What an empty disk holds."""

_SYNCS = 32

_SQLITE_SHARED, _SQLITE_SHARED_BYTES = 0x4000_0002, 510
"""The bytes of a SQLite file that each process which has it open keeps locked, in write-ahead mode all the time."""


def check_place(folder: Path, *, replaces: bool) -> bool:
    """See whether a state may be restored there; return whether something must be moved aside first.

    Raises:
        RestoreRefused: no.
    """
    if folder.is_symlink() and not folder.exists():
        raise RestoreRefused(f"{folder} is a link to nothing.")
    if folder.exists() and not folder.is_dir():
        raise RestoreRefused(f"{folder} is not a folder.")
    if not folder.exists():
        return False
    if (user := user_of(folder)) is not None:
        raise RestoreRefused(f"{folder} is in use: {user}. Stop the server first.")
    is_full = any(_counts(path.name) for path in folder.iterdir())
    if is_full and not _is_state(folder):
        raise RestoreRefused(f"{folder} is not empty, and nothing in it shows that it is a state folder.")
    if is_full and not replaces:
        raise RestoreRefused(f"{folder} is not empty; --replace moves it aside first.")
    return is_full


def _is_state(folder: Path) -> bool:
    """Whether a server kept something there; a home folder that is named by mistake must not be moved aside."""
    made = (folder / "harken.db", folder / "webhook-secret", folder / "recordings" / ".id")
    return any(path.is_file() for path in made) or bool(run_folders(StateConfig(folder=str(folder)), {}))


def user_of(folder: Path) -> str | None:
    """Say what shows that a server runs on a state folder; None for nothing."""
    for run in (folder / "run").glob("*"):
        if is_answered(run):
            return f"a gateway answers at {run / NAME}"
    database = folder / "harken.db"
    return f"a process has {database} open" if _is_open(database) else None


def put(new: Path, folder: Path, *, is_full: bool) -> Path | None:
    """Put a folder into its place, on the same disk; return where the old one is now, if there was one.

    Raises:
        OSError: it cannot be done; the place is as it was.
        RestoreRefused: the old one cannot be moved aside.
    """
    if is_full:
        aside = _move_aside(folder)
        try:
            new.rename(folder)
        except OSError:
            aside.rename(folder)
            raise
        return aside
    if folder.is_dir():
        # It stays itself, with its owner and mode; it may be where a disk is mounted. The database goes last: without
        # it no server sees any of the rest.
        for path in sorted(new.iterdir(), key=lambda path: path.name == "harken.db"):
            path.rename(folder / path.name)
    else:
        new.rename(folder)
    return None


def put_on_disk(folder: Path) -> None:
    """See that everything below a folder outlives a power cut.

    Many files at a time, because a file system puts those that wait together on the disk together.

    Raises:
        OSError: the disk refuses.
    """
    with ThreadPoolExecutor(_SYNCS) as pool:
        for _ in pool.map(_sync, [*folder.rglob("*"), folder]):
            pass


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def give_owner(new: Path, folder: Path) -> None:
    """Where root restores, give what is new to the owner of the place, whose servers are to use it.

    Raises:
        OSError: it cannot be given.
    """
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    for path in (new, *new.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def move_file_aside(path: Path) -> Path:
    """Give a file another name, in its folder; return the name.

    Raises:
        OSError: it cannot be.
    """
    aside = _aside(path)
    path.rename(aside)
    return aside


def _move_aside(folder: Path) -> Path:
    aside = _aside(folder)
    try:
        folder.rename(aside)
    except OSError as error:
        told = f"{folder} cannot be moved aside: {error.strerror}. Empty it yourself, then restore without --replace."
        raise RestoreRefused(told) from error
    return aside


def _aside(path: Path) -> Path:
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    number, aside = 1, path.with_name(f"{path.name}.before-{now}")
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.before-{now}-{number}")
    return aside


def _counts(name: str) -> bool:
    return name not in _NOTHING and not name.startswith(MARK)


def _is_open(database: Path) -> bool:
    """Whether another process has a SQLite file open; the file is not touched."""
    try:
        opened = os.open(database, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, _SQLITE_SHARED_BYTES, _SQLITE_SHARED)
    except OSError:
        return True
    finally:
        os.close(opened)
    return False
