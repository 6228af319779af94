"""A PostgreSQL that hangs is a failure, not a wait."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import MetaData, text

from harken.config import StateConfig
from harken.errors import StateUnavailable
from harken.state import Database, postgres, reading, writing
from tests.jobs.postgres import hanging, running_postgres, url_of


@pytest.mark.slow
def test_a_server_that_hangs_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the middle of a transaction, nor at the next one; when it is back, so are we."""
    monkeypatch.setattr(postgres, "ANSWER_TIMEOUT_S", 0.5)
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_S", 2)
    with running_postgres() as folder:
        own = Database(StateConfig(folder=str(tmp_path), database=url_of(folder, "hanging")), {})
        engine = own.engine(MetaData(info={"room": "none", "version": 1}))
        with pytest.raises(StateUnavailable, match="did not answer"), writing(engine) as connection:
            connection.execute(text("SELECT pg_sleep(5)"))
        with reading(engine) as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        with hanging(folder):
            began = time.monotonic()
            for _ in range(2):
                with pytest.raises(StateUnavailable), reading(engine) as connection:
                    connection.scalar(text("SELECT 1"))
            assert time.monotonic() - began < 15
        with reading(engine) as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        own.close()
