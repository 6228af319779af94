"""Recordings of jobs on the disk: there when the job is, gone when nobody needs them."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from harken.errors import StateUnavailable, StorageFull
from harken.jobs import NewFile, NewJob
from harken.jobs.shelf import ORPHAN_AGE_S, Arrival, Shelf
from harken.state import Database
from harken.transcribe.ask import Ask
from tests.jobs.house import House


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty shelf."""
    own = Shelf(tmp_path / "state" / "recordings")
    own.id()
    return own


def fill(arrival: Arrival, *files: bytes) -> None:
    """Put files into a new job's folder."""
    for data in files:
        arrival.begin_file()
        arrival.write(data)
        arrival.end_file()


def test_a_shelf_has_one_name(shelf: Shelf, tmp_path: Path) -> None:
    """All servers that share the folder find the same one; another folder has another."""
    assert shelf.id() == Shelf(tmp_path / "state" / "recordings").id()
    assert shelf.id() != Shelf(tmp_path / "other" / "recordings").id()


def test_a_shelf_whose_name_was_lost_gets_one(shelf: Shelf, tmp_path: Path) -> None:
    """As a crash may leave it; jobs can be handed in again without anybody's help."""
    (tmp_path / "state" / "recordings" / ".id").write_text("")
    assert shelf.id()
    assert shelf.id() == shelf.id()


def test_an_upload_that_ends_without_a_job_leaves_nothing(shelf: Shelf, tmp_path: Path) -> None:
    """Also in the middle of a file."""
    arrival = shelf.begin()
    fill(arrival, b"one")
    arrival.begin_file()
    arrival.write(b"half")
    arrival.end()
    assert [path.name for path in (tmp_path / "state" / "recordings").iterdir()] == [".id"]
    with pytest.raises(StateUnavailable):
        arrival.begin_file()


def test_a_committed_upload_stays_and_goes_file_by_file(shelf: Shelf, database: Database) -> None:
    """The folder goes with the last file."""
    arrival = shelf.begin()
    fill(arrival, b"one", b"two" * 1000)
    house = House(database)
    arrival.commit(lambda: house.store.create(arrival.job_id, _new(arrival), now=1.0))
    arrival.end()
    paths = [arrival.path(number) for number in (0, 1)]
    assert [path.read_bytes() for path in paths] == [b"one", b"two" * 1000]
    shelf.drop(paths[0])
    assert paths[0].parent.exists()
    shelf.drop(paths[1])
    assert not paths[1].parent.exists()


def test_a_full_disk_is_named(shelf: Shelf) -> None:
    """/dev/full plays it: the error is StorageFull, and the folder goes."""
    arrival = shelf.begin()
    arrival.begin_file()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, arrival._open or -1)
    os.close(full)
    with pytest.raises(StorageFull) as caught:
        arrival.write(b"x")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    arrival.end()
    assert not arrival.path(0).parent.exists()


def test_tidying_knows_a_crash_from_an_upload(shelf: Shelf, tmp_path: Path) -> None:
    """What no job needs goes; a folder that is being filled, or was made just now, stays."""

    def needed(job_ids: list[str]) -> Mapping[str, set[str]]:
        return {known.job_id: {str(known.path(1))} for known in (committed,) if known.job_id in job_ids}

    committed, going_on, crashed = shelf.begin(), shelf.begin(), shelf.begin()
    for arrival in (committed, going_on, crashed):
        fill(arrival, b"a", b"b")
    for arrival in (committed, crashed):  # a process that dies lets go of its locks
        os.close(arrival._lock or -1)
    now = crashed.path(0).parent.stat().st_mtime
    assert shelf.tidy(needed, now=now + 1) == 1
    assert not committed.path(0).exists()
    assert shelf.tidy(needed, now=now + ORPHAN_AGE_S + 1) == 1
    left = {path.name for path in (tmp_path / "state" / "recordings").iterdir()}
    assert left == {".id", committed.job_id, going_on.job_id}
    going_on.end()


def test_tidying_a_state_folder_that_was_moved_removes_nothing_that_is_needed(shelf: Shelf, tmp_path: Path) -> None:
    """The database still knows the recordings by their old paths."""
    arrival = shelf.begin()
    fill(arrival, b"a", b"b")
    os.close(arrival._lock or -1)  # its process is gone
    known = {arrival.job_id: {str(arrival.path(1))}}
    moved = (tmp_path / "state").rename(tmp_path / "moved")
    assert Shelf(moved / "recordings").tidy(lambda _: known) == 1
    assert [path.name for path in (moved / "recordings" / arrival.job_id).iterdir()] == [arrival.path(1).name]


def test_recordings_of_another_databases_jobs_stay(shelf: Shelf, tmp_path: Path, database: Database) -> None:
    """The operator moved to another database, or put an older one back: nothing that was accepted is lost."""
    arrival = shelf.begin()
    fill(arrival, b"one")
    arrival.commit(lambda: House(database).store.create(arrival.job_id, _new(arrival), now=1.0))
    arrival.end()
    later = arrival.path(0).stat().st_mtime + ORPHAN_AGE_S * 2
    assert shelf.tidy(lambda _: {}, now=later) == 0
    assert arrival.path(0).read_bytes() == b"one"
    shelf.drop(arrival.path(0))
    assert [path.name for path in (tmp_path / "state" / "recordings").iterdir()] == [".id"]


def test_a_shelf_that_was_never_used_is_tidy(tmp_path: Path) -> None:
    """Nothing is made for looking."""
    assert Shelf(tmp_path / "none").tidy(lambda _: {}) == 0
    assert not (tmp_path / "none").exists()


def _new(arrival: Arrival) -> NewJob:
    files = tuple(NewFile(name="x", path=str(arrival.path(number))) for number in range(len(arrival.sizes)))
    return NewJob(owner="", ask=Ask(), files=files)
