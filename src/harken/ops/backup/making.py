"""Makes a backup: takes the state at one moment, measures everything, writes one file.

The order is what makes it consistent: recordings are held fast in the moment of the database's snapshot; only then is
anything copied. The invariants: servers go on meanwhile, waiting at most for that moment; nothing is left of a backup
that failed, and the state folder is as it was.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import harken
from harken.config import Config, StateConfig
from harken.errors import ConfigError
from harken.models.store import open_store
from harken.ops.backup import names
from harken.ops.backup.archive import SUFFIXES, describe, write_archive
from harken.ops.backup.errors import BackupFailed, naming_failures
from harken.ops.backup.manifest import Manifest, ModelNote
from harken.ops.backup.models import note_models
from harken.ops.backup.passing import passing_folder
from harken.ops.backup.recordings import Held, shelf_of
from harken.ops.backup.rows import rooms
from harken.ops.backup.settings import effective_toml
from harken.ops.backup.source import Source, source_of
from harken.state import Database, run_folders

_LOG_FOLDERS = ("logs", "crashes")
_PASSING = "passing"
"""Marks the run folder of a gateway whose port the system chose: it goes with the gateway."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be saved.

    Attributes:
        target: the archive's place.
        config: the effective configuration.
        config_file: the harken.toml that is part of it; None where there is none.
        with_weights: the model's files too.
        with_logs: logs and crash reports too.
        replaces: an archive of that name may be written over.
    """

    target: Path
    config: Config
    config_file: Path | None = None
    with_weights: bool = False
    with_logs: bool = False
    replaces: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        path: where it is.
        size: in bytes.
        manifest: what is in it.
    """

    path: Path
    size: int
    manifest: Manifest


@dataclass(kw_only=True, slots=True)
class _Collected:
    """What was found so far; `places` are in the order of the archive."""

    places: dict[str, Path] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    held: Held = field(default_factory=Held)
    kind: str = ""
    made_at: str = ""
    models: list[ModelNote] = field(default_factory=list)


def make_backup(wanted: Wanted, env: Mapping[str, str], *, on_step: Callable[[str], None] = lambda _: None) -> Made:
    """Make a backup; blocking.

    Args:
        wanted: what, and where.
        env: the process's variables, for the state folder's default place.
        on_step: hears what is being done.

    Raises:
        ConfigError: the archive cannot have that name or place.
        StateUnavailable: the state cannot be read.
        StorageFull: a disk has no room.
        BackupFailed: the model's files are wanted and not here, or anything else.
    """
    database = Database(wanted.config.state, env)
    found = _Collected()
    with ExitStack() as stack, naming_failures("The backup cannot be made"):
        _check_target(wanted)
        stack.callback(database.close)
        # On the archive's disk: that one must have room for the database anyway.
        draft = stack.enter_context(passing_folder(wanted.target.parent))
        on_step("database")
        _take_state(found, database, draft, stack)
        _take_files(found, wanted, database.folder, draft, env)
        on_step("model")
        store = open_store(wanted.config.models, env)
        found.models, weights = note_models(wanted.config.instance, store, is_included=wanted.with_weights)
        found.places |= weights
        on_step("checksums")
        manifest = _manifest(found, database.folder)
        on_step("archive")
        size = write_archive(wanted.target, manifest, found.places, replaces=wanted.replaces)
    return Made(path=wanted.target, size=size, manifest=manifest)


def _check_target(wanted: Wanted) -> None:
    target = wanted.target
    if not target.name.endswith(SUFFIXES) or target.name in SUFFIXES:
        raise ConfigError(f"A backup's name ends in {' or '.join(SUFFIXES)}, not {target.name!r}.")
    if not target.parent.is_dir():
        raise ConfigError(f"There is no folder {target.parent} for the backup.")
    if target.is_dir() or (target.exists() and not wanted.replaces):
        raise BackupFailed(f"{target} is there already; --replace writes over it.")


def _take_state(found: _Collected, database: Database, draft: Path, stack: ExitStack) -> None:
    """Take the database and the recordings at one moment; the recordings are held until the stack is left."""
    source = stack.enter_context(source_of(database))
    found.made_at = _now()
    if source is None:
        return
    found.kind = source.kind
    shelf = shelf_of(database.folder)
    has_folder = database.folder.is_dir()
    holding = stack.enter_context(passing_folder(database.folder)) if has_folder else draft
    with source.standing_still() as waiting:
        found.made_at = _now()
        found.held.hold(waiting, holding, shelf)
    found.held.copy_rest(holding)
    _write_database(found, source, draft)
    found.places |= found.held.places


def _write_database(found: _Collected, source: Source, draft: Path) -> None:
    path = draft / "snapshot.db"
    source.write(path)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as made:
        there = {str(row[0]) for row in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in [table.name for room in rooms() for table in room.sorted_tables]:
            if table in there:
                found.counts[table] = made.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
    found.places[names.DATABASE] = path


def _take_files(found: _Collected, wanted: Wanted, state: Path, draft: Path, env: Mapping[str, str]) -> None:
    """Take the small files: words that were made once, what fleets remember, configuration, logs."""
    copies = {names.SECRET: state / "webhook-secret", names.SHELF_ID: state / "recordings" / ".id"}
    if wanted.config_file is not None:
        copies[names.OWN_CONFIG] = wanted.config_file
    for port, folder in run_folders(StateConfig(folder=str(state)), env).items():
        if (folder / _PASSING).exists():
            continue
        copies[f"state/run/{port}/fleet.json"] = folder / "fleet.json"
        if wanted.with_logs:
            logs = (path for kind in _LOG_FOLDERS for path in sorted((folder / kind).glob("*")))
            copies |= {f"state/run/{port}/{path.parent.name}/{path.name}": path for path in logs}
    for number, (name, path) in enumerate(copies.items()):
        # Copied first: a log grows, and fleet.json may be replaced, while they are measured.
        if names.is_allowed(name) and path.is_file():
            found.places[name] = Path(shutil.copyfile(path, draft / f"copy-{number}"))
    (draft / "effective").write_text(effective_toml(wanted.config), encoding="utf-8")
    found.places[names.EFFECTIVE_CONFIG] = draft / "effective"


def _manifest(found: _Collected, state: Path) -> Manifest:
    return Manifest(
        harken=harken.__version__,
        made_at=found.made_at,
        state_folder=str(state),
        database=found.kind,
        counts=found.counts,
        missing=tuple(found.held.missing),
        elsewhere=found.held.elsewhere,
        models=tuple(found.models),
        members=tuple(describe(name, path) for name, path in found.places.items()),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
