"""The same rows in another database: how a PostgreSQL is saved as a SQLite file, and the other way round.

Goes through the rooms' own descriptions of their tables, so kinds of values are theirs and not a dialect's. It knows
which rooms keep something, and nothing of what their rows mean. The invariant: both sides hold tables of this Harken's
version; other versions are brought up to it before, by whoever opens them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harken.errors import StateUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

_AT_ONCE = 50
"""Rows held at a time: a result of twelve hours has some megabytes."""


def rooms() -> tuple[MetaData, ...]:
    """The tables of every room that keeps something."""
    from harken.jobs.tables import TABLES as JOBS
    from harken.keys.tables import TABLES as KEYS

    return JOBS, KEYS


def present(connection: Connection) -> tuple[MetaData, ...]:
    """The rooms whose tables this database has."""
    from sqlalchemy import inspect

    inspector = inspect(connection)
    return tuple(room for room in rooms() if all(inspector.has_table(table.name) for table in room.sorted_tables))


def check_versions(connection: Connection) -> None:
    """See that the tables are of this Harken's version.

    Raises:
        StateUnavailable: they are not; reading them as if they were could lose a column.
    """
    from sqlalchemy import text

    versions: Mapping[str, int] = {}
    found = present(connection)
    if found:
        versions = {
            row.room: row.version for row in connection.execute(text("SELECT room, version FROM schema_versions"))
        }
    for room in found:
        name, version = room.info["room"], room.info["version"]
        if versions.get(name) != version:
            raise StateUnavailable(
                f"The database holds version {versions.get(name)} of the tables for {name}, and this Harken works with "
                f"{version}: use the release that the servers run."
            )


def count_rows(connection: Connection) -> dict[str, int]:
    """Count the rows of every table that is there."""
    from sqlalchemy import func, select

    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for room in present(connection)
        for table in room.sorted_tables
    }


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy every row of every room that the source has into the target's empty tables."""
    from sqlalchemy import insert, select

    for room in present(source):
        for table in room.sorted_tables:
            found = source.execution_options(yield_per=_AT_ONCE).execute(select(table))
            for part in found.mappings().partitions(_AT_ONCE):
                target.execute(insert(table), [dict(row) for row in part])
    _go_on_counting(target)


def _go_on_counting(connection: Connection) -> None:
    """Let PostgreSQL number new rows behind those that brought their numbers with them."""
    from sqlalchemy import func, select, text

    if connection.dialect.name != "postgresql":
        return
    for room in present(connection):
        for table in room.sorted_tables:
            column = table.autoincrement_column
            last = None if column is None else connection.scalar(select(func.max(column)))
            if column is not None and last is not None:
                own = {"table": table.name, "column": column.name, "last": last}
                connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"), own)
