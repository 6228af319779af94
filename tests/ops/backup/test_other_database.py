"""Another SQLite file for the rows of a restore; PostgreSQL is in test_restoring."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import stat
from pathlib import Path

import pytest

from harken.config import StateConfig
from harken.errors import ConfigError, StateUnavailable
from harken.ops.backup.errors import RestoreRefused
from harken.ops.backup.restoring import Asked, restore
from tests.ops.backup.house import everything, furnish, save


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """A backup, whose rows are to go into a file with an odd name that is not there yet."""
    house = furnish(StateConfig(folder=str(tmp_path / "state")))
    save(house, tmp_path / "a.tar.gz")
    return Asked(
        archive=tmp_path / "a.tar.gz", place=tmp_path / "new", database=f"sqlite:///{tmp_path / 'rows%20%2541.db'}"
    )


def rows(file: Path) -> int:
    """How many jobs a file has."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])


def test_a_file_that_is_made_is_for_its_owner_alone(asked: Asked, tmp_path: Path) -> None:
    """As every other that a restore makes."""
    restore(asked)
    file = tmp_path / "rows %41.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rows(file) == 3
    assert not (tmp_path / "new" / "harken.db").exists()
    with pytest.raises(RestoreRefused, match="has rows already"):
        restore(dataclasses.replace(asked, place=tmp_path / "newer"))


def test_a_dry_run_makes_no_file_and_changes_none(asked: Asked, tmp_path: Path) -> None:
    """It finds what a real one would find."""
    dry = dataclasses.replace(asked, is_dry=True)
    before = everything(tmp_path)
    restore(dry)
    assert everything(tmp_path) == before
    file = tmp_path / "rows %41.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE other (x)")
    before = everything(tmp_path)
    restore(dry)
    assert everything(tmp_path) == before
    restore(asked)
    before = everything(tmp_path)
    with pytest.raises(RestoreRefused, match="has rows already"):
        restore(dataclasses.replace(dry, place=tmp_path / "newer"))
    assert everything(tmp_path) == before


def test_a_restore_that_fails_leaves_no_file(asked: Asked, tmp_path: Path) -> None:
    """The backup is found damaged, or the state folder cannot be put."""
    asked.archive.write_bytes(b"odd" + asked.archive.read_bytes())
    before = everything(tmp_path)
    with pytest.raises(Exception, match="not a file that"):
        restore(asked)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x.db?uri=true"])
def test_rows_never_go_into_a_database_that_ends_with_us(asked: Asked, tmp_path: Path, url: str) -> None:
    """Nor into a file that is not what it seems."""
    with pytest.raises(ConfigError, match="outlives us"):
        restore(dataclasses.replace(asked, database=url))
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_state_folder_is_refused(asked: Asked, tmp_path: Path) -> None:
    """It would be moved aside with the old state."""
    state = tmp_path / "state"
    inside = dataclasses.replace(asked, place=state, replaces=True, database=f"sqlite:///{state / 'rows.db'}")
    with pytest.raises(ConfigError, match="leave --database out"):
        restore(inside)
    assert (state / "harken.db").exists()


def test_a_folder_that_is_not_there_is_said_so(asked: Asked, tmp_path: Path) -> None:
    """By a dry run, too."""
    with pytest.raises(StateUnavailable, match="There is no folder"):
        restore(dataclasses.replace(asked, is_dry=True, database=f"sqlite:///{tmp_path / 'no' / 'x.db'}"))
