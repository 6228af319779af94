"""The database of a server: opened at first use, private, refused where it is of another version."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from harken.config import StateConfig
from harken.errors import ConfigError, StateUnavailable, StorageFull
from harken.state import Database, reading, state_folder, writing


def numbers(version: int = 1) -> tuple[MetaData, Table]:
    """A room's tables: one, with numbers."""
    tables = MetaData(info={"room": "numbers", "version": version})
    return tables, Table("numbers", tables, Column("n", Integer, primary_key=True))


def database(folder: Path) -> Database:
    """A database in that folder."""
    return Database(StateConfig(folder=str(folder)), {})


def elsewhere(folder: Path, name: str) -> Database:
    """A SQLite database that a URL names."""
    url = f"sqlite:///{folder / name}" if name[0] != ":" else f"sqlite:///{name}"
    return Database(StateConfig(folder=str(folder / "state"), database=url), {})


def test_the_folder_is_configured_or_the_one_of_the_xdg_specification() -> None:
    """[state] folder wins, then $XDG_STATE_HOME unless it is relative, then ~/.local/state."""
    usual = Path.home() / ".local" / "state" / "harken"
    assert state_folder(StateConfig(folder="/srv/state"), {"XDG_STATE_HOME": "/x"}) == Path("/srv/state")
    assert state_folder(StateConfig(), {"XDG_STATE_HOME": "/x"}) == Path("/x/harken")
    assert state_folder(StateConfig(), {"XDG_STATE_HOME": "x"}) == usual
    assert state_folder(StateConfig(), {}) == usual


def test_nothing_is_made_before_something_is_kept(tmp_path: Path) -> None:
    """A server without jobs and keys leaves no folder behind."""
    database(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """The folder has mode 0700, the database 0600."""
    own = database(tmp_path / "state")
    own.engine(numbers()[0])
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((own.folder / "harken.db").stat().st_mode) == 0o600
    own.close()


def test_a_file_elsewhere_is_as_private_and_a_database_without_one_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's URL of SQLite; one that was there keeps its mode."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.db").touch(0o640)
    for name, mode in (("rows.db", 0o600), ("old.db", 0o640)):
        own = elsewhere(tmp_path, name)
        own.engine(numbers()[0])
        assert own.file == tmp_path / name
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
        own.close()
    own = elsewhere(tmp_path, ":memory:")
    own.engine(numbers()[0])
    assert own.file is None
    own.close()
    assert {one.name for one in tmp_path.iterdir()} == {"rows.db", "old.db"}


def test_what_was_written_is_there_for_the_next_server(tmp_path: Path) -> None:
    """A committed transaction is read back from a new database object."""
    tables, rows = numbers()
    for n in (1, 2):
        own = database(tmp_path)
        with writing(own.engine(tables)) as connection:
            connection.execute(insert(rows).values(n=n))
        own.close()
    own = database(tmp_path)
    with reading(own.engine(tables)) as connection:
        assert connection.scalar(select(func.count()).select_from(rows)) == 2
    own.close()


@pytest.mark.parametrize("has_url", [False, True])
def test_writers_wait_for_each_other(tmp_path: Path, has_url: bool) -> None:
    """Read-then-write in four threads at once loses no step: a writing transaction has the lock from its beginning."""
    tables, rows = numbers()
    own = elsewhere(tmp_path, "rows.db") if has_url else database(tmp_path)

    def count_up() -> None:
        for _ in range(10):
            with writing(own.engine(tables)) as connection:
                highest = connection.scalar(select(func.coalesce(func.max(rows.c.n), 0)))
                connection.execute(insert(rows).values(n=(highest or 0) + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(own.engine(tables)) as connection:
        assert connection.scalar(select(func.max(rows.c.n))) == 40
    own.close()


COMES_AND_GOES = """
import sys
from sqlalchemy import text
from harken.config import StateConfig
from harken.state.database import Database, reading
own = Database(StateConfig(folder=sys.argv[1], database=sys.argv[2]), {})
with reading(own.bare_engine()) as connection:
    print(connection.scalar(text("SELECT count(*) FROM numbers")))
own.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("has_url", [False, True])
def test_a_process_that_comes_and_goes_takes_no_row_with_it(tmp_path: Path, has_url: bool) -> None:
    """Several rooms are open here, by two objects; others look in and leave, and see whatever is written meanwhile."""
    url = f"sqlite:///{tmp_path / 'rows.db'}" if has_url else ""
    ours = [Database(StateConfig(folder=str(tmp_path), database=url), {}) for _ in range(2)]
    tables, rows = numbers()
    for own in ours:
        own.engine(tables)
    for count in range(3):
        for place, own in enumerate(ours):
            with writing(own.engine(tables)) as connection:
                connection.execute(insert(rows).values(n=2 * count + place))
            other, _ = numbers()
            other.info["room"] = f"another {count}"
            own.engine(other)
        done = subprocess.run(
            [sys.executable, "-c", COMES_AND_GOES, str(tmp_path), url], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == 2 * (count + 1)
        assert ours[0].file is not None
        assert ours[0].file.with_name(f"{ours[0].file.name}-wal").exists()
    for own in ours:
        own.close()


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    """Neither an older nor a newer Harken's tables are misread; the message names both versions."""
    own = database(tmp_path)
    own.engine(numbers(version=2)[0])
    own.close()
    other = database(tmp_path)
    with pytest.raises(StateUnavailable, match=r"version 2 .* works with 1"):
        other.engine(numbers(version=1)[0])
    other.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the way of the folder is an error with its path, at first use."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnavailable, match="file/state cannot be made"):
        database(tmp_path / "file" / "state").engine(numbers()[0])


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("oracel://user:secret@host/x", "oracel"),
        ("postgresql+psycopg://user:secret@host:secret/x", "postgresql"),
        ("postgresql+psycopg://user:secret@[::1", "postgresql"),
    ],
)
def test_a_wrong_url_is_a_configuration_error_that_shows_no_password(url: str, word: str) -> None:
    """Before anything uses it; it is refused by its first word only."""
    with pytest.raises(ConfigError, match=word) as caught:
        Database(StateConfig(database=url), {})
    assert "secret" not in str(caught.value)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """SQLite's own page limit plays the full disk: StorageFull, and what was there stays readable."""
    tables, rows = numbers()
    own = database(tmp_path)
    engine = own.engine(tables)

    def fill() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.execute(insert(rows), [{"n": n} for n in range(5_000)])

    with pytest.raises(StorageFull):
        fill()
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(rows)) == 0
    own.close()


def test_what_is_there_is_opened_without_writing(tmp_path: Path) -> None:
    """A server finds its tables, and reads them, while somebody else writes, or nobody can."""
    tables, rows = numbers()
    first, second = database(tmp_path), database(tmp_path)
    with writing(first.engine(tables)) as connection:
        connection.execute(insert(rows).values(n=1))
    with writing(first.engine(tables)) as connection:
        connection.execute(insert(rows).values(n=2))
        with reading(second.engine(tables)) as other:
            assert other.scalar(select(func.count()).select_from(rows)) == 1
    first.close()
    second.close()
