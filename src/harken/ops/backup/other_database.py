"""Another database than the state folder's own, which a restore fills: where it may be, and how the rows come into it.

Knows nothing of archives. The invariants: until rows are put into it nothing is made or changed, so a dry run may look,
too; it has all rows or none, and a SQLite file that we made is for its owner alone and gone where it got none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from harken.config import StateConfig
from harken.errors import ConfigError, HarkenError, StateUnavailable
from harken.ops.backup.errors import RestoreRefused
from harken.ops.backup.rows import copy_rows, count_rows, rooms
from harken.state import Database, reading, writing

if TYPE_CHECKING:
    from sqlalchemy import Engine


class RowsRefused(HarkenError):
    """The other database does not take these rows; it has none of them."""

    code = "rows_refused"


@contextmanager
def other_database(url: str, place: Path) -> Iterator[Database | None]:
    """The database of a URL, if it is empty; None for "".

    Args:
        url: SQLAlchemy's.
        place: the state folder's, without links.

    Raises:
        ConfigError: the URL cannot be used, or names a file that is no place for rows.
        RestoreRefused: it has rows.
        StateUnavailable: it does not answer, or its folder is not there.
    """
    if not url:
        yield None
        return
    database = Database(StateConfig(folder=str(place), database=url), {})
    try:
        _check_file(database, place)
        _check_empty(database)
        yield database
    finally:
        database.close()


def _check_file(database: Database, place: Path) -> None:
    url = database.bare_engine().url
    if url.get_backend_name() != "sqlite":
        return
    file = database.file
    if file is None or str(url.database).startswith((":memory:", "file:")):
        raise ConfigError(
            "The rows go into a file that outlives us: name it by its path, as in sqlite:////srv/harken.db."
        )
    if file.resolve().is_relative_to(place):
        raise ConfigError(f"{file} would be in the state folder: leave --database out to have SQLite there.")


def _check_empty(database: Database) -> None:
    file = database.file
    if file is not None and not file.exists():
        if not file.parent.is_dir():
            raise StateUnavailable(f"There is no folder {file.parent} for the database.")
        return
    engine = database.bare_engine() if file is None else _only_read(file)
    try:
        with reading(engine) as connection:
            full = [name for name, count in count_rows(connection).items() if count]
    finally:
        engine.dispose()
    if full:
        raise RestoreRefused(f"The database has rows already, in {', '.join(full)}; name an empty one.")


def _only_read(file: Path) -> Engine:
    """Open a SQLite file so that it is not changed because we look."""
    from sqlalchemy import URL, create_engine

    return create_engine(URL.create("sqlite", database=f"file:{quote(str(file))}", query={"mode": "ro", "uri": "true"}))


@contextmanager
def rows_in(database: Database | None, state: Path) -> Iterator[None]:
    """Move the rows of a state folder that is not in its place yet; they are there only if the block succeeds.

    Args:
        database: where to; None leaves them in the folder.
        state: the folder; its own database is gone then.

    Raises:
        RowsRefused: the database does not take them.
    """
    if database is None:
        yield
        return
    from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

    own = Database(StateConfig(folder=str(state)), {})
    try:
        with _own_file(database.file):
            for room in rooms():
                source, engine = own.engine(room), database.engine(room)
            with writing(engine) as there:
                with reading(source) as here:
                    copy_rows(here, there)
                own.close()
                (state / "harken.db").unlink()
                yield
    except (DataError, IntegrityError, ProgrammingError, ValueError) as error:
        cause = str(getattr(error, "orig", error)).partition("\n")[0]
        raise RowsRefused(f"The database does not take the rows of the backup: {cause}.") from error
    finally:
        own.close()


@contextmanager
def _own_file(file: Path | None) -> Iterator[None]:
    """Take SQLite's file away again where the block made it and failed."""
    if file is None or file.exists():
        yield
        return
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise
