"""Recordings that are held fast while they are saved."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harken.ops.backup.errors import BackupFailed
from harken.ops.backup.passing import passing_folder
from harken.ops.backup.recordings import Held
from harken.ops.backup.source import Waiting

NAME = "state/recordings/job_1/0"


def waiting(path: Path, *, shelf: str = "here", is_ours: bool = True) -> Waiting:
    """A file that has not ended."""
    return Waiting(job_id="job_1", number=0, path=str(path), shelf=shelf, is_ours=is_ours)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording on the shelf."""
    path = tmp_path / "0"
    path.write_bytes(b"sound")
    return path


@pytest.fixture
def another_disk() -> Iterator[Path]:
    """A folder that no link can lead to from where the recordings are."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("there is no second file system here")
    with passing_folder(shared) as folder:
        yield folder


def test_a_recording_that_is_held_outlives_its_end(recording: Path, tmp_path: Path) -> None:
    """Its server removes it as soon as it is done; the bytes stay, and cost nothing."""
    held = Held()
    with passing_folder(tmp_path) as folder:
        held.hold([waiting(recording)], folder, "here")
        assert held.places[NAME].samefile(recording)
        recording.unlink()
        held.copy_rest(folder)
        assert held.places[NAME].read_bytes() == b"sound"
    assert not held.missing
    assert not any(tmp_path.iterdir())


def test_without_links_it_is_copied(recording: Path, another_disk: Path) -> None:
    """Later, when everybody goes on."""
    held = Held()
    held.hold([waiting(recording)], another_disk, "here")
    assert not held.places
    held.copy_rest(another_disk)
    assert held.places[NAME].read_bytes() == b"sound"
    assert recording.read_bytes() == b"sound"


def test_without_links_a_file_that_ended_meanwhile_is_no_failure(recording: Path, another_disk: Path) -> None:
    """It is told as missing; its server has the result."""
    held = Held()
    held.hold([waiting(recording)], another_disk, "here")
    recording.unlink()
    held.copy_rest(another_disk)
    assert (held.places, held.missing) == ({}, [NAME])


def test_a_recording_that_was_lost_before_is_told(tmp_path: Path) -> None:
    """The rest is saved all the same."""
    held = Held()
    held.hold([waiting(tmp_path / "gone")], tmp_path, "here")
    assert (held.places, held.missing) == ({}, [NAME])


def test_a_folder_of_ours_that_is_gone_loses_no_recording(recording: Path, tmp_path: Path) -> None:
    """It is no word on the recording, which is still there: the backup fails."""
    with pytest.raises(BackupFailed, match="try again"):
        Held().hold([waiting(recording)], tmp_path / "gone", "here")
    assert recording.exists()


def test_what_lies_elsewhere_is_counted_and_left(recording: Path, tmp_path: Path) -> None:
    """Other machines' recordings, and the operator's own files."""
    held = Held()
    held.hold([waiting(recording, shelf="there"), waiting(recording, is_ours=False)], tmp_path, "here")
    assert (held.elsewhere, held.places, held.missing) == (2, {}, [])
