"""The database at one moment, while servers go on writing into it.

The moment is shared with the recordings on the disk: for an instant nobody may write, the list of recordings that are
still needed is read, they are held fast by whoever asked for it (`standing_still`), and then everybody goes on. What is
written out afterwards, at leisure, is the database of that instant. The invariant: no unended file is in the snapshot
whose recording went away because it ended.

SQLite's file is copied by its own online backup, page by page; from any other database the rows are read in one
transaction and kept as a SQLite file, so that every archive holds the same.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harken.config import StateConfig
from harken.errors import StateUnavailable, StorageFull
from harken.ops.backup.rows import check_versions, copy_rows, present, rooms
from harken.state import Database, reading, writing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PATIENCE_S = 10.0
_WANTED = "SELECT job_id, number, path, shelf, is_ours FROM files WHERE state IN ('queued', 'running')"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A file that has not ended.

    Attributes:
        job_id: its job.
        number: its place there.
        path: where its recording lies.
        shelf: on which machine's shelf that is.
        is_ours: it lies on a shelf at all, and not in a folder of the operator's.
    """

    job_id: str
    number: int
    path: str
    shelf: str
    is_ours: bool


class Source(Protocol):
    """A database that is saved."""

    kind: str
    """SQLAlchemy's word for it."""

    def standing_still(self) -> contextlib.AbstractContextManager[list[Waiting]]:
        """The moment: inside the block no file can end."""
        ...

    def write(self, path: Path) -> None:
        """Write the database of that moment into a new SQLite file."""
        ...


@contextmanager
def source_of(database: Database) -> Iterator[Source | None]:
    """Open what a server keeps; None where there is nothing yet.

    Raises:
        StateUnavailable: it cannot be read.
    """
    file = database.file
    if file is not None:
        with contextlib.ExitStack() as stack:
            yield _sqlite(file, stack) if file.exists() else None
        return
    engine = database.bare_engine()
    with reading(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        yield _Server(engine, connection)


def _sqlite(file: Path, stack: contextlib.ExitStack) -> Source:
    return _Sqlite(stack.enter_context(contextlib.closing(_connect(file))), file)


class _Sqlite:
    kind = "sqlite"

    def __init__(self, reader: sqlite3.Connection, file: Path) -> None:
        self._reader = reader
        self._file = file

    @contextmanager
    def standing_still(self) -> Iterator[list[Waiting]]:
        with _named_failures(), contextlib.closing(_connect(self._file)) as lock:
            lock.execute("BEGIN IMMEDIATE")  # nobody else writes until it is closed
            self._reader.execute("BEGIN")
            has_files = self._reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'files'").fetchone()
            rows = self._reader.execute(_WANTED).fetchall() if has_files else []
            yield [_waiting(*row) for row in rows]

    def write(self, path: Path) -> None:
        with _named_failures(), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
            self._reader.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself


class _Server:
    def __init__(self, engine: Engine, connection: Connection) -> None:
        self.kind = engine.dialect.name
        self._engine = engine
        self._connection = connection

    @contextmanager
    def standing_still(self) -> Iterator[list[Waiting]]:
        from sqlalchemy import text

        with writing(self._engine) as lock:
            has_files = any(room.info["room"] == "jobs" for room in present(lock))
            if has_files and self.kind == "postgresql":
                lock.execute(text("LOCK TABLE files IN SHARE MODE"))  # nobody else writes until it is committed
            check_versions(self._connection)
            rows = self._connection.execute(text(_WANTED)).all() if has_files else []
            yield [_waiting(*row) for row in rows]

    def write(self, path: Path) -> None:
        own = Database(StateConfig(folder=str(path.parent)), {})
        try:
            for room in rooms():
                engine = own.engine(room)
            with writing(engine) as target:
                copy_rows(self._connection, target)
        finally:
            own.close()
        assert own.file is not None, "a folder's database is a file"
        with _named_failures(), contextlib.closing(sqlite3.connect(own.file, isolation_level=None)) as made:
            made.execute("PRAGMA journal_mode=DELETE")
        own.file.rename(path)


def _waiting(job_id: str, number: int, path: str, shelf: str, is_ours: object) -> Waiting:
    return Waiting(job_id=job_id, number=number, path=path, shelf=shelf, is_ours=bool(is_ours))


def _connect(file: Path) -> sqlite3.Connection:
    with _named_failures():
        # Not made where it is not there: what is saved must have been somebody's.
        return sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S, isolation_level=None)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if "full" in str(error):
            raise StorageFull("The disk has no room for a copy of the database.") from error
        raise StateUnavailable(f"The database cannot be saved: {error}.") from error
