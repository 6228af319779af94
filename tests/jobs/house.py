"""A house for tests of what is kept about jobs: the tables, and a clock that is a number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from harken.jobs import NewFile, NewJob, tables
from harken.jobs.claim import Claim
from harken.jobs.leases import Leases
from harken.jobs.outbox import Outbox
from harken.jobs.store import Store
from harken.jobs.types import Job, new_job_id
from harken.state import Database, reading
from harken.transcribe.ask import Ask
from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.types import TokenLogprob, Word

MODEL = "digits"
LEASE_S = 15.0
PIECE = PlacedTranscript(
    text="one two \u2028三",
    language="English",
    start_s=0.0,
    end_s=1.5,
    words=(Word(text="one", start_s=0.1, end_s=0.4),),
    logprobs=(TokenLogprob(token="one", logprob=-0.25, bytes=(111, 110, 101)),),
)
RESULT = RecordingTranscript(
    text="one two 三", language="English", languages=("English",), audio_s=2.5, segments=(PIECE,), words=PIECE.words
)


@dataclass
class House:
    """Two servers' views of the same tables.

    Attributes:
        now: seconds; tests move it on.
    """

    database: Database
    now: float = 1000.0
    files_waiting: int = 100
    shelf: str = "here"

    @property
    def store(self) -> Store:
        """For owners."""
        engine = self.database.engine(tables.TABLES)
        return Store(engine, shelf=self.shelf, files_waiting=self.files_waiting, keep_s=60.0)

    @property
    def leases(self) -> Leases:
        """For servers."""
        engine = self.database.engine(tables.TABLES)
        return Leases(engine, shelf=self.shelf, lease_s=LEASE_S, attempts=3, keep_s=60.0)

    @property
    def outbox(self) -> Outbox:
        """For the courier."""
        return Outbox(self.database.engine(tables.TABLES))

    def create(self, files: int | tuple[NewFile, ...] = 1, **more: Any) -> Job:
        """A new job with these, or so many, files."""
        if isinstance(files, int):
            files = tuple(NewFile(name=f"file {n}", path=f"/shelf/{n}") for n in range(files))
        new = NewJob(owner="", ask=Ask(), files=files)
        return self.store.create(new_job_id(), replace(new, **more), now=self.now)

    def claim(self, model: str = MODEL) -> Claim:
        """The next claim, which must be there."""
        claim = self.leases.claim(model, now=self.now)
        assert claim is not None
        return claim

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with reading(self.database.engine(tables.TABLES)) as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0
