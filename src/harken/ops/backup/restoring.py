"""Brings a backup back: everything is checked beside its place, and only then put into it.

The order: may it go there at all; unpack and check; rows into another database, where one is named; the state folder,
by renaming; the configuration. The invariant: until the renaming nothing that was there before is touched.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harken.config import StateConfig
from harken.errors import ConfigError, HarkenError
from harken.ops.backup import names
from harken.ops.backup.errors import RestoreRefused, naming_failures
from harken.ops.backup.manifest import Manifest
from harken.ops.backup.passing import passing_folder
from harken.ops.backup.place import check_place, give_owner, move_file_aside, put, put_on_disk
from harken.ops.backup.rehearsal import Rehearsed, rehearse
from harken.ops.backup.rows import copy_rows, count_rows, rooms
from harken.state import Database, reading, writing


class RowsRefused(HarkenError):
    """The other database does not take these rows; it has none of them."""

    code = "rows_refused"


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
        ConfigError: the database's URL cannot be used.
        BackupDamaged: the archive is not good.
        RestoreRefused: its place is not free, or a newer Harken made it.
        StateUnavailable: the database that is named cannot be used.
        StorageFull: a disk has no room.
    """
    with naming_failures(f"{asked.archive} cannot be restored", RestoreRefused):
        place = asked.place.resolve()  # a link to the state folder stays one
        is_full = check_place(place, replaces=asked.replaces)
        _check_config_place(asked)
        with _target(asked) as target, _staging(asked, place, is_full=is_full) as folder:
            on_step("checking")
            rehearsed = rehearse(asked.archive, folder, asked.place)
            if asked.is_dry:
                return Restored(manifest=rehearsed.manifest, aside={})
            on_step("putting into place")
            aside = _put(asked, rehearsed, target, place, is_full=is_full)
    return Restored(manifest=rehearsed.manifest, aside=aside)


def _put(asked: Asked, found: Rehearsed, target: Database | None, place: Path, *, is_full: bool) -> dict[Path, Path]:
    aside: dict[Path, Path] = {}
    for role in ("model", "aligner"):
        if (found.folder / role).is_dir():
            (found.folder / role).rename(found.state / role)
    with _new_config(found, asked.config_place) as config:
        with _other_database(found, target):
            give_owner(found.state, place)
            put_on_disk(found.state)
            old = put(found.state, place, is_full=is_full)
        _sync(place.parent)
        if old is not None:
            aside[place] = old
        if config is not None and asked.config_place is not None:
            aside |= _put_config(config, asked.config_place)
    return aside


@contextmanager
def _other_database(found: Rehearsed, target: Database | None) -> Iterator[None]:
    """Copy the rows into a database that is named; they are there only if the block succeeds."""
    if target is None or not found.has_database:
        yield
        return
    from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

    own = Database(StateConfig(folder=str(found.state)), {})
    try:
        for room in rooms():
            source, engine = own.engine(room), target.engine(room)
        with writing(engine) as there:
            with reading(source) as here:
                copy_rows(here, there)
            own.close()
            (found.state / "harken.db").unlink()
            yield
    except (DataError, IntegrityError, ProgrammingError, ValueError) as error:
        cause = str(getattr(error, "orig", error)).partition("\n")[0]
        raise RowsRefused(f"The database does not take the rows of the backup: {cause}.") from error
    finally:
        own.close()


@contextmanager
def _target(asked: Asked) -> Iterator[Database | None]:
    """The other database, where one is named, if it is empty."""
    if not asked.database:
        yield None
        return
    target = Database(StateConfig(folder=str(asked.place), database=asked.database), {})
    try:
        with reading(target.bare_engine()) as connection:
            full = [name for name, count in count_rows(connection).items() if count]
        if full:
            raise RestoreRefused(f"The database has rows already, in {', '.join(full)}; name an empty one.")
        yield target
    finally:
        target.close()


def _check_config_place(asked: Asked) -> None:
    place = asked.config_place
    if place is None:
        return
    if not place.parent.is_dir():
        raise ConfigError(f"There is no folder {place.parent} for the configuration.")
    if place.is_dir() or (place.exists() and not asked.replaces):
        raise RestoreRefused(f"{place} is there already; --replace moves it aside first.")


@contextmanager
def _new_config(found: Rehearsed, place: Path | None) -> Iterator[Path | None]:
    """The configuration beside its place, so that what can fail does so before the state is put into its own."""
    if place is None:
        yield None
        return
    members = found.manifest.names()
    name = names.OWN_CONFIG if names.OWN_CONFIG in members else names.EFFECTIVE_CONFIG
    data = (found.folder / name).read_bytes() if name in members else b""
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            give_owner(draft, place)
            draft.chmod(place.stat().st_mode & 0o777)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _put_config(draft: Path, place: Path) -> dict[Path, Path]:
    aside = {place: move_file_aside(place)} if place.exists() else {}
    draft.rename(place)
    return aside


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
