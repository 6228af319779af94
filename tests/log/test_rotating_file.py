"""A log file and its older ones: bounded, and whole whatever happens to them from outside."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harken.log.rotating_file import RotatingFile, rotated


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _all_lines(path: Path) -> list[str]:
    """Of all files, the oldest first."""
    files = [*(older for _, older in reversed(rotated(path))), path]
    return [line for file in files for line in _lines(file)]


def _write(file: RotatingFile, *lines: str) -> None:
    for line in lines:
        file.write(f"{line}\n".encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the current file."""
    return tmp_path / "gateway.log"


def test_a_file_is_rotated_before_it_grows_beyond_the_bound(path: Path) -> None:
    """Ten lines of ten bytes, thirty bytes each: three files beside the current, all lines in order."""
    file = RotatingFile(path, file_bytes=30, files=5)
    lines = [f"line {number:04}" for number in range(10)]
    _write(file, *lines)
    assert [number for number, _ in rotated(path)] == [1, 2, 3]
    assert _all_lines(path) == lines
    assert all(found.stat().st_size <= 30 for found in path.parent.iterdir())


def test_the_oldest_goes_first(path: Path) -> None:
    """Two beside the current are two, however much is written."""
    file = RotatingFile(path, file_bytes=10, files=2)
    _write(file, *(f"line {number:04}" for number in range(20)))
    assert _all_lines(path) == ["line 0017", "line 0018", "line 0019"]


def test_no_rotated_files_may_be_wanted(path: Path) -> None:
    """The current file begins anew, and nothing lies beside it."""
    file = RotatingFile(path, file_bytes=10, files=0)
    _write(file, "line 0001", "line 0002")
    assert [found.name for found in path.parent.iterdir()] == ["gateway.log"]
    assert _lines(path) == ["line 0002"]


def test_fewer_files_than_before_are_cleared_away(path: Path) -> None:
    """Whoever lowers the number gets the room back."""
    _write(RotatingFile(path, file_bytes=10, files=5), *(f"line {number:04}" for number in range(6)))
    _write(RotatingFile(path, file_bytes=10, files=2), "line 0006")
    assert [number for number, _ in rotated(path)] == [1, 2]


def test_a_restart_goes_on_where_the_file_ended(path: Path) -> None:
    """Nothing is truncated."""
    _write(RotatingFile(path, file_bytes=1000, files=5), "before")
    _write(RotatingFile(path, file_bytes=1000, files=5), "after")
    assert _lines(path) == ["before", "after"]


def test_half_a_line_of_a_killed_process_stays_a_line_of_its_own(path: Path) -> None:
    """The next line can be read."""
    path.write_text("whole\nhal", encoding="utf-8")
    _write(RotatingFile(path, file_bytes=1000, files=5), "after")
    assert _lines(path) == ["whole", "hal", "after"]


def test_files_are_read_by_their_owner_alone(path: Path) -> None:
    """Ids of requests and keys are nobody else's business."""
    _write(RotatingFile(path, file_bytes=5, files=5), "one line", "another")
    assert {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_was_removed_is_made_again(tmp_path: Path, what: str) -> None:
    """Somebody cleared up: the next line is in a new file."""
    path = tmp_path / "logs" / "gateway.log"
    path.parent.mkdir()
    file = RotatingFile(path, file_bytes=1000, files=5)
    _write(file, "lost")
    path.unlink()
    if what == "folder":
        path.parent.rmdir()
    _write(file, "kept")
    assert _lines(path) == ["kept"]


def test_a_truncated_file_goes_on_from_its_new_end(path: Path) -> None:
    """`> gateway.log` frees its room at once, and leaves no hole."""
    file = RotatingFile(path, file_bytes=1000, files=5)
    _write(file, "x" * 500)
    os.truncate(path, 0)
    _write(file, "after")
    assert path.read_bytes() == b"after\n"


def test_another_program_may_rotate_too(path: Path) -> None:
    """Logrotate renames the file: what follows is in a new one."""
    file = RotatingFile(path, file_bytes=1000, files=5)
    _write(file, "before")
    path.rename(path.with_suffix(".old"))
    _write(file, "after")
    assert (_lines(path.with_suffix(".old")), _lines(path)) == (["before"], ["after"])


def test_a_line_longer_than_the_bound_has_a_file_of_its_own(path: Path) -> None:
    """It is written all the same, once."""
    file = RotatingFile(path, file_bytes=10, files=5)
    _write(file, "a", "b" * 100, "c")
    assert _all_lines(path) == ["a", "b" * 100, "c"]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_something_else_in_the_files_place_is_an_error_and_not_a_wait(path: Path, kind: str) -> None:
    """A named pipe that nobody reads holds nobody up."""
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(OSError):  # noqa: PT011 - any of them is told to the log
        RotatingFile(path, file_bytes=10, files=5).write(b"line\n")


def test_foreign_files_beside_it_are_left_alone(path: Path) -> None:
    """A name that is nearly a rotated one's belongs to somebody."""
    names = ["gateway.log.gz", "gateway.log.01", "gateway.log.1.gz", "gateway.log.0", "gateway.log.²"]
    for name in names:
        path.with_name(name).write_text("mine", encoding="utf-8")
    _write(RotatingFile(path, file_bytes=5, files=1), "one line", "another", "third")
    assert {found.name for found in path.parent.iterdir()} == {*names, "gateway.log", "gateway.log.1"}
