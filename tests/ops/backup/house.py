"""A state folder with something of everything in it, made by the rooms' own code."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

from harken.config import Config, InstanceConfig, JobsConfig, StateConfig
from harken.jobs import Job, NewFile, NewJob
from harken.jobs.claim import Claim
from harken.jobs.rooms import Rooms, open_rooms
from harken.keys import KeyBook
from harken.ops.backup.making import Made, Wanted, make_backup
from harken.state import Database, make_run_folder
from harken.transcribe.ask import Ask
from tests.jobs.house import MODEL, PIECE, RESULT

PORT = 7860
FLEET = '{"count": 3}'


@dataclass(frozen=True, kw_only=True)
class House:
    """What lies in the folder.

    Attributes:
        config: points there.
        secret: of a key in use.
        done: a job that has ended.
        half_done: a job whose only file is being worked on, with a finished piece.
        queued: a job of two files that nobody has begun.
    """

    config: Config
    secret: str
    done: Job
    half_done: Job
    queued: Job

    @property
    def folder(self) -> Path:
        """The state folder."""
        return Path(self.config.state.folder)


def furnish(state: StateConfig) -> House:
    """Fill a state."""
    database = Database(state, {})
    try:
        book = KeyBook(database)
        book.add("old")
        book.revoke("old")
        _, secret = book.add("alice", is_admin=True)
        rooms = open_rooms(database, JobsConfig())
        done = add_job(rooms, b"one")
        assert rooms.leases.finish(claim(rooms), RESULT, now=time.time())
        rooms.shelf.drop_all(done.id)
        half_done = add_job(rooms, b"two")
        assert rooms.leases.keep(claim(rooms), "maker", PIECE)
        queued = add_job(rooms, b"three", b"four")
    finally:
        database.close()
    (make_run_folder(state, {}, PORT) / "fleet.json").write_text(FLEET)
    config = dataclasses.replace(Config(), state=state, instance=InstanceConfig(model="digits"))
    return House(config=config, secret=secret, done=done, half_done=half_done, queued=queued)


def add_job(rooms: Rooms, *recordings: bytes) -> Job:
    """Hand in a job with recordings, as a route does it."""
    arrival = rooms.shelf.begin()
    for data in recordings:
        arrival.begin_file()
        arrival.write(data)
        arrival.end_file()
    files = tuple(NewFile(name=f"{n}.wav", path=str(arrival.path(n))) for n in range(len(recordings)))
    new = NewJob(owner="", ask=Ask(), files=files)
    job = arrival.commit(lambda: rooms.store.create(arrival.job_id, new, now=time.time()))
    arrival.end()
    return job


def claim(rooms: Rooms) -> Claim:
    """The next claim, which must be there."""
    found = rooms.leases.claim(MODEL, now=time.time())
    assert found is not None
    return found


def save(house: House, target: Path, **more: bool | Path | None) -> Made:
    """Make a backup of it."""
    return make_backup(Wanted(target=target, config=house.config, **more), {})  # type: ignore[arg-type]


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, but for SQLite's passing ones."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
