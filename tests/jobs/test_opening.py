"""A state that cannot be used costs jobs alone, whatever is wrong with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData

from harken.config import JobsConfig, StateConfig
from harken.errors import HarkenError, StateUnavailable, StorageFull
from harken.jobs.opening import Opening
from harken.jobs.threads import Threads
from harken.state import Database


class Spoilt(Database):
    """There, but of no use."""

    failure: HarkenError

    def is_there(self) -> bool:
        """It is."""
        return True

    def engine(self, tables: MetaData) -> Engine:
        """Fail."""
        raise self.failure


@pytest.mark.parametrize("failure", [StateUnavailable("gone"), StorageFull("full")])
def test_a_state_that_cannot_be_opened_is_a_refusal_and_tried_again(tmp_path: Path, failure: HarkenError) -> None:
    """Also where the disk is full just then: the gateway serves on without jobs."""

    async def scene() -> None:
        database = Spoilt(StateConfig(folder=str(tmp_path)), {})
        database.failure = failure
        threads = Threads()
        opening = Opening(database, JobsConfig(), threads, lambda _: None)
        with pytest.raises(StateUnavailable, match="its log says why"):
            await opening.rooms()
        trying = asyncio.create_task(opening.open_what_is_there())
        done, _ = await asyncio.wait({trying}, timeout=0.1)
        assert not done, "it waits for a better time"
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
        await threads.close()

    asyncio.run(scene())
