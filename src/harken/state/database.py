"""The database, opened at first use: SQLite in the state folder, or whatever SQLAlchemy URL the operator gave.

Owns how it is opened (private file, write-ahead log, patience with other writers), which version of a room's tables it
holds, and what its failures are called. It knows no table but its own. The invariants: a transaction that returned is
on the disk (SQLite: `synchronous=FULL`), and tables of another version of Harken are brought up to this one by the
room's own steps or refused, never misread.
Everything here blocks: on an event loop, call it in a thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harken.config import StateConfig
from harken.errors import ConfigError, StateUnavailable, StorageFull
from harken.state.folder import make_folder, state_folder

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, MetaData

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another one of the same SQLite file."""

_OF_SQLITE = {"connect_args": {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}}
_OF_SERVERS = {"pool_pre_ping": True, "pool_size": 8}

_FILE = "harken.db"
_LOCK = 0x48_61_72_6B
"""PostgreSQL's advisory lock around making tables: "Hark"."""


class Database:
    """The database of one server; safe to use from several threads.

    Args:
        config: where it is.
        env: the process's variables, for the folder's default place.

    Raises:
        ConfigError: the URL is none that can be used here.
    """

    def __init__(self, config: StateConfig, env: Mapping[str, str] = os.environ) -> None:
        self.folder = state_folder(config, env)
        # Made now, though it connects at first use: a URL that cannot be is found before anything is announced.
        self._engine = _engine_at(config.database) if config.database else None
        self._has_url = bool(config.database)
        self._made: set[str] = set()
        self._lock = threading.Lock()

    def is_there(self) -> bool:
        """Whether there may be something in it: a server is configured, or SQLite's file exists."""
        return self._has_url or (self.folder / _FILE).exists()

    @property
    def file(self) -> Path | None:
        """SQLite's file, whether it is there or not; None where a server has the database."""
        if self._engine is None or not self._has_url:
            return self.folder / _FILE
        name = self._engine.url.database or ":memory:"
        is_file = self._engine.dialect.name == "sqlite" and not name.startswith((":memory:", "file:"))
        return Path(name).absolute() if is_file else None

    def bare_engine(self) -> Engine:
        """Return the engine of whatever is there; no table is looked at or made.

        Raises:
            StateUnavailable: the folder or SQLite's file cannot be used.
        """
        with self._lock:
            return self._opened()

    def engine(self, tables: MetaData) -> Engine:
        """Return the engine of a database that has these tables; open it and make them where that was not done yet.

        Args:
            tables: a room's; its `info` holds the room's name ("room"), the version of its tables ("version"), and
                where there was another one before, the statements that lead from it to the next ("steps").

        Raises:
            StateUnavailable: the folder or the database cannot be used, or holds another version of these tables.
        """
        with self._lock:
            engine = self._opened()
            if tables.info["room"] not in self._made:
                if (file := self.file) is not None:
                    _make_private(file)
                _make(engine, tables)
                self._made.add(tables.info["room"])
            return engine

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()

    def _opened(self) -> Engine:
        if self._engine is None:
            from sqlalchemy import URL

            file = make_folder(self.folder) / _FILE
            _make_private(file)
            self._engine = _engine_at(URL.create("sqlite", database=str(file)))
        return self._engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may change something: committed at the end of the block, undone when it raises.

    On SQLite it has the only write lock from its beginning, so what it reads cannot change before it writes.

    Raises:
        StateUnavailable: the database does not answer.
        StorageFull: its disk has no room.
    """
    with _named_failures(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads, and waits for no writer.

    Raises:
        StateUnavailable: the database does not answer.
    """
    with _named_failures(), engine.connect() as connection:
        connection.execution_options(harken_only_reads=True)
        with connection.begin():
            yield connection


def _engine_at(url: str | URL) -> Engine:
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        is_sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = _OF_SQLITE if is_sqlite else _OF_SERVERS
        engine = create_engine(url, **options)
    except (SQLAlchemyError, ImportError) as error:
        # The URL may hold a password: only its first word is shown.
        raise ConfigError(f"state.database {str(url).partition(':')[0]!r}:… cannot be used: {error}.") from error
    except (TypeError, ValueError) as error:
        # These name what they could not read, which may be a part of the password.
        raise ConfigError(f"state.database {str(url).partition(':')[0]!r}:… is no URL that can be read.") from error
    if is_sqlite:
        _be_orderly(engine)
    if (engine.dialect.name, engine.dialect.driver) == ("postgresql", "psycopg"):
        _be_impatient(engine)
    return engine


def _be_impatient(engine: Engine) -> None:
    from sqlalchemy import event

    from harken.state.postgres import CONNECT_TIMEOUT_S, ImpatientConnection

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, given: list[Any], named: dict[str, Any]) -> ImpatientConnection:
        return ImpatientConnection.connect(*given, **{"connect_timeout": CONNECT_TIMEOUT_S, **named})


def _be_orderly(engine: Engine) -> None:
    """Have SQLite write ahead, wait for other writers, and lock at the beginning of what writes."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        # The driver opens transactions late and by guess; we open them ourselves, below.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        only_reads = connection.get_execution_options().get("harken_only_reads", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _make_private(path: Path) -> None:
    """Make SQLite's file where there is none; SQLite would make it readable for everybody.

    One that is there is never opened: to close any descriptor of it takes away all locks that this process has on it
    (POSIX), and the next process to leave would think itself the last one and remove the log under our feet.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir() or not os.access(path, os.R_OK | os.W_OK):
            raise StateUnavailable(f"The database {path} cannot be opened.") from None
    except OSError as error:
        raise StateUnavailable(f"The database {path} cannot be opened: {error.strerror}.") from error


def _make(engine: Engine, tables: MetaData) -> None:
    """Make a room's tables, or bring those that are there up to their version; only that writes."""
    from sqlalchemy import Column, Integer, MetaData, String, Table, insert, inspect, select, text, update

    own = MetaData()
    versions = Table("schema_versions", own, Column("room", String(40), primary_key=True), Column("version", Integer))
    room, version = tables.info["room"], tables.info["version"]
    is_it = select(versions.c.version).where(versions.c.room == room)
    with reading(engine) as connection:
        # On a full disk, or behind a long writer, what is there can still be read.
        if inspect(connection).has_table(versions.name) and connection.scalar(is_it) == version:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            # Two servers that start together would both find no table and both make it.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        own.create_all(connection)
        found = connection.scalar(is_it)
        if found is None:
            tables.create_all(connection)
            connection.execute(insert(versions).values(room=room, version=version))
        elif found != version:
            for step in _steps(tables, found):
                connection.execute(text(step))
            connection.execute(update(versions).where(versions.c.room == room).values(version=version))


def _steps(tables: MetaData, found: int) -> list[str]:
    """The statements that lead from a version to this Harken's, in their order."""
    room, version, steps = tables.info["room"], tables.info["version"], tables.info.get("steps", {})
    missing = range(found, version)
    if found > version or not all(number in steps for number in missing):
        raise StateUnavailable(
            f"The database holds version {found} of the tables for {room}; this Harken works with {version}."
        )
    return [steps[number] for number in missing]


@contextmanager
def _named_failures() -> Iterator[None]:
    """Give the database's own failures our names; wrong SQL and broken constraints stay what they are."""
    from sqlalchemy.exc import DatabaseError, InterfaceError, InternalError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        if "is full" in cause or "No space left" in cause:
            raise StorageFull("The database's disk is full.") from error
        raise StateUnavailable(f"The database cannot be used: {cause}.") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        # SQLite's word for a damaged file, or one that is something else.
        raise StateUnavailable(f"The database cannot be used: {error.orig}.") from error
