"""An archive, unpacked and opened in a passing folder: what a restore does before it touches anything, and `--verify`.

Everything is checked here: checksums while unpacking, the database by opening it as a server would (older tables are
brought up to this release on the way), its rows against the manifest's counts, and that every recording which a file
still needs is there. The invariant: what passes needs nothing more than to be moved into its place.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from harken.config import StateConfig
from harken.errors import StateUnavailable
from harken.ops.backup.archive import unpack
from harken.ops.backup.errors import BackupDamaged
from harken.ops.backup.manifest import Manifest
from harken.ops.backup.names import DATABASE
from harken.ops.backup.recordings import FOLDER, needed, settle, shelf_of
from harken.ops.backup.rows import count_rows, rooms
from harken.state import Database, reading, writing

_COMMITTED = 0o1700
"""The mode by which the shelf knows a folder whose job was accepted; see `harken.jobs.shelf`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsed:
    """An archive that passed.

    Attributes:
        manifest: what it says of itself.
        folder: where it is unpacked.
        state: the state folder in there; it exists.
        has_database: there is one in it.
    """

    manifest: Manifest
    folder: Path
    state: Path
    has_database: bool


def rehearse(archive: Path, folder: Path, place: Path) -> Rehearsed:
    """Unpack an archive into an empty folder of ours and see that it is good; blocking.

    Args:
        archive: the file.
        folder: empty.
        place: the state folder in which a server will find it.

    Raises:
        BackupDamaged: it is not.
        RestoreRefused: a newer Harken made it.
        StorageFull: the folder's disk has no room.
    """
    manifest = unpack(archive, folder)
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    has_database = DATABASE in manifest.names()
    if has_database:
        _open(state, manifest, place)
    elif any(manifest.counts.values()):
        raise BackupDamaged("The backup says that there are rows, and holds no database.")
    _give_modes(state)
    return Rehearsed(manifest=manifest, folder=folder, state=state, has_database=has_database)


def _open(state: Path, manifest: Manifest, place: Path) -> None:
    _check_pages(state / "harken.db")
    database = Database(StateConfig(folder=str(state)), {})
    try:
        for room in rooms():
            engine = database.engine(room)
        with reading(engine) as connection:
            counts, wanted = count_rows(connection), needed(connection, shelf_of(state))
        _compare(manifest, counts, wanted)
        with writing(engine) as connection:
            settle(connection, place, shelf_of(state))
    except StateUnavailable as error:
        raise BackupDamaged(f"The database in the backup cannot be used: {error.message}") from error
    finally:
        database.close()


def _check_pages(file: Path) -> None:
    """Let SQLite look at every page."""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BackupDamaged(f"The database in the backup is damaged: {error}.") from error
    if found != ("ok",):
        raise BackupDamaged(f"The database in the backup is damaged: {found}.")


def _compare(manifest: Manifest, counts: dict[str, int], wanted: set[str]) -> None:
    other = {name: count for name, count in manifest.counts.items() if counts.get(name) != count}
    if other:
        told = ", ".join(f"{name} {counts.get(name, 'none')} instead of {count}" for name, count in other.items())
        raise BackupDamaged(f"The database in the backup has other rows than it says: {told}.")
    lost = wanted - manifest.names() - set(manifest.missing)
    if lost:
        raise BackupDamaged(f"{len(lost)} recordings that the database needs are not in the backup: {min(lost)}.")


def _give_modes(state: Path) -> None:
    """Give every folder the mode that a server gives it."""
    for folder in (state, *(path for path in state.rglob("*") if path.is_dir())):
        folder.chmod(_COMMITTED if folder.parent == state / FOLDER else 0o700)
