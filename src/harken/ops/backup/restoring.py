"""Brings a backup back: everything is checked beside its place, and only then put into it.

The order: may it go there at all; unpack and check; rows into another database, where one is named; the state folder,
by renaming; the configuration. The invariant: until the renaming nothing that was there before is touched.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harken.ops.backup import names
from harken.ops.backup.config_place import ConfigPlace, check_config_place, new_config, put_config
from harken.ops.backup.errors import RestoreRefused, naming_failures
from harken.ops.backup.manifest import Manifest
from harken.ops.backup.other_database import other_database, rows_in
from harken.ops.backup.passing import passing_folder
from harken.ops.backup.place import check_place, give_owner, put, put_on_disk
from harken.ops.backup.rehearsal import Rehearsed, rehearse
from harken.state import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is to be restored, and where to.

    Attributes:
        archive: the file.
        place: the state folder.
        config_place: where the harken.toml goes; None for nowhere.
        database: an SQLAlchemy URL for the rows; "" for SQLite in the state folder.
        replaces: what is there is moved aside.
        is_dry: everything is checked, and nothing put anywhere.
    """

    archive: Path
    place: Path
    config_place: Path | None = None
    database: str = ""
    replaces: bool = False
    is_dry: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What was restored.

    Attributes:
        manifest: of the archive.
        aside: old things, and where they are now.
    """

    manifest: Manifest
    aside: Mapping[Path, Path]


def verify_backup(archive: Path) -> Manifest:
    """Restore an archive into a passing place, open it there, and compare it with what it says; blocking.

    Raises:
        BackupDamaged: it is not good.
        RestoreRefused: a newer Harken made it.
        StorageFull: there is no room for trying; TMPDIR names another place.
    """
    with _room() as folder:
        return rehearse(archive, folder, folder / "state").manifest


def restore(asked: Asked, *, on_step: Callable[[str], None] = lambda _: None) -> Restored:
    """Restore an archive; blocking.

    Raises:
        ConfigError: the database's URL, or the configuration's place, cannot be used.
        BackupDamaged: the archive is not good.
        RestoreRefused: its place is not free, or a newer Harken made it.
        RowsRefused: the database that is named does not take the rows.
        StateUnavailable: that database cannot be used.
        StorageFull: a disk has no room.
    """
    with naming_failures(f"{asked.archive} cannot be restored", RestoreRefused):
        place = asked.place.resolve()  # a link to the state folder stays one
        is_full = check_place(place, replaces=asked.replaces)
        config = check_config_place(asked.config_place, place, replaces=asked.replaces)
        with other_database(asked.database, place) as target, _staging(asked, place, is_full=is_full) as folder:
            on_step("checking")
            rehearsed = rehearse(asked.archive, folder, asked.place)
            if asked.is_dry:
                return Restored(manifest=rehearsed.manifest, aside={})
            on_step("putting into place")
            aside = _put(rehearsed, place, config, target, is_full=is_full)
    return Restored(manifest=rehearsed.manifest, aside=aside)


def _put(
    found: Rehearsed, place: Path, where: ConfigPlace | None, target: Database | None, *, is_full: bool
) -> dict[Path, Path]:
    aside: dict[Path, Path] = {}
    for role in ("model", "aligner"):
        if (found.folder / role).is_dir():
            (found.folder / role).rename(found.state / role)
    with new_config(_config_in(found), where, found.state) as config:
        with rows_in(target if found.has_database else None, found.state):
            give_owner(found.state, place)
            put_on_disk(found.state)
            old = put(found.state, place, is_full=is_full)
        _sync(place.parent)
        if old is not None:
            aside[place] = old
        if config is not None and where is not None:
            aside |= put_config(config, where)
    return aside


def _config_in(found: Rehearsed) -> bytes:
    members = found.manifest.names()
    name = names.OWN_CONFIG if names.OWN_CONFIG in members else names.EFFECTIVE_CONFIG
    return (found.folder / name).read_bytes() if name in members else b""


@contextmanager
def _staging(asked: Asked, place: Path, *, is_full: bool) -> Iterator[Path]:
    """A passing folder on the disk of the place; for a dry run, anywhere."""
    if asked.is_dry:
        with _room() as folder:
            yield folder
        return
    is_inside = place.is_dir() and not is_full
    if not is_inside:
        place.parent.mkdir(parents=True, exist_ok=True)
    with passing_folder(place if is_inside else place.parent) as folder:
        yield folder


@contextmanager
def _room() -> Iterator[Path]:
    with passing_folder(Path(tempfile.gettempdir())) as folder:
        yield folder


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
