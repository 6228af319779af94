"""Both databases for the tests of jobs: what is kept in SQLite is kept in PostgreSQL in the same way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from harken.config import StateConfig
from harken.state import Database
from tests.jobs.postgres import running_postgres, url_of

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket's folder of a PostgreSQL that runs during this session."""
    with running_postgres() as folder:
        yield folder


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> StateConfig:
    """An empty state, once with each kind of database."""
    if request.param == "sqlite":
        return StateConfig(folder=str(tmp_path))
    url = url_of(request.getfixturevalue("postgres"), f"t{next(_numbers)}")
    return StateConfig(folder=str(tmp_path), database=url)


@pytest.fixture
def database(state: StateConfig) -> Iterator[Database]:
    """The database of such a state."""
    own = Database(state, {})
    yield own
    own.close()
