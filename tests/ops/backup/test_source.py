"""The database at one moment, in SQLite and in PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from harken.config import JobsConfig, StateConfig
from harken.errors import StateUnavailable
from harken.jobs.rooms import open_rooms
from harken.keys import KeyBook
from harken.ops.backup.source import source_of
from harken.state import Database, writing
from tests.jobs.house import RESULT
from tests.ops.backup.house import add_job, claim, furnish

_SOON_S = 0.3


def count(path: Path, table: str) -> int:
    """Rows of a table in a saved database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number


def stand_still(database: Database) -> None:
    """Have the moment, and no more."""
    with source_of(database) as source:
        assert source is not None
        with source.standing_still():
            pass


@pytest.mark.slow
def test_the_moment_is_that_of_standing_still(state: StateConfig, database: Database, tmp_path: Path) -> None:
    """What is written afterwards is not in the copy; whoever wants to write meanwhile waits."""
    house = furnish(state)
    rooms = open_rooms(database, JobsConfig())
    held = claim(rooms)
    has_ended = threading.Event()

    def end() -> None:
        rooms.leases.finish(held, RESULT, now=time.time())
        has_ended.set()

    worker = threading.Thread(target=end)
    with source_of(database) as source:
        assert source is not None
        with source.standing_still() as waiting:
            worker.start()
            assert not has_ended.wait(_SOON_S)
            names = {(one.job_id, one.number) for one in waiting}
        worker.join(20)
        assert has_ended.is_set()
        add_job(rooms, b"later")
        source.write(tmp_path / "saved.db")
    assert names == {(house.half_done.id, 0), (house.queued.id, 0), (house.queued.id, 1)}
    assert (held.job_id, held.number) in names
    assert [count(tmp_path / "saved.db", table) for table in ("jobs", "files", "pieces", "api_keys")] == [3, 4, 1, 2]
    with contextlib.closing(sqlite3.connect(tmp_path / "saved.db")) as saved:
        states = saved.execute("SELECT state, count(*) FROM files GROUP BY state ORDER BY state").fetchall()
        assert states == [("done", 1), ("queued", 1), ("running", 2)]


def test_a_state_without_a_database_has_no_source(tmp_path: Path) -> None:
    """And looking for one makes none."""
    database = Database(StateConfig(folder=str(tmp_path / "none")), {})
    with source_of(database) as source:
        assert source is None
    assert not (tmp_path / "none").exists()


def test_a_database_with_keys_alone_is_saved(state: StateConfig, database: Database, tmp_path: Path) -> None:
    """The tables of jobs come with the first job."""
    KeyBook(database).add("alice")
    with source_of(database) as source:
        assert source is not None
        with source.standing_still() as waiting:
            assert waiting == []
        source.write(tmp_path / "saved.db")
    assert count(tmp_path / "saved.db", "api_keys") == 1


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    """Nothing is saved of it."""
    (tmp_path / "harken.db").write_bytes(b"this is text" * 1000)
    with pytest.raises(StateUnavailable, match="cannot be saved"):
        stand_still(Database(StateConfig(folder=str(tmp_path)), {}))


@pytest.mark.slow
def test_another_release_s_tables_in_postgresql_are_not_read(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A backup brings no tables up to date: servers of the other release use them."""
    from tests.jobs.postgres import url_of

    config = StateConfig(folder=str(tmp_path), database=url_of(request.getfixturevalue("postgres"), "other_release"))
    furnish(config)
    database = Database(config, {})
    try:
        with writing(database.bare_engine()) as connection:
            connection.execute(text("UPDATE schema_versions SET version = 1 WHERE room = 'keys'"))
        with pytest.raises(StateUnavailable, match="version 1 of the tables for keys"):
            stand_still(database)
    finally:
        database.close()
