"""Following a log file: nothing twice, nothing missed, whatever becomes of the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harken.log.rotating_file import RotatingFile
from harken.ops.log_tap import Tap


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the file that is followed."""
    return tmp_path / "gateway.log"


@pytest.fixture
def tap(path: Path) -> Iterator[Tap]:
    """Follows it from its end."""
    path.write_bytes(b"before\n")
    made = Tap(path, from_end=True)
    yield made
    made.close()


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_only_what_comes_later_is_given(tap: Tap, path: Path) -> None:
    """Once."""
    assert tap.poll() == []
    _append(path, b"1\n2\n")
    assert tap.poll() == [b"1", b"2"]
    assert tap.poll() == []


def test_a_line_is_given_when_it_is_whole(tap: Tap, path: Path) -> None:
    """Half a line is no line yet."""
    _append(path, b"1\nhal")
    assert tap.poll() == [b"1"]
    _append(path, b"f\n")
    assert tap.poll() == [b"half"]


def test_a_line_that_was_half_at_the_beginning_is_given_whole(path: Path) -> None:
    """The place to go on from is behind the last whole line."""
    path.write_bytes(b"before\nhal")
    tap = Tap(path, from_end=True)
    _append(path, b"f\n")
    assert tap.poll() == [b"half"]
    tap.close()


@pytest.mark.parametrize("lines_at_once", [1, 3, 40])
def test_rotations_lose_and_double_nothing(tap: Tap, path: Path, lines_at_once: int) -> None:
    """Also several between two looks."""
    writer = RotatingFile(path, file_bytes=30, files=50)
    expected = [b"line %04d" % number for number in range(120)]
    found = []
    for begin in range(0, 120, lines_at_once):
        for line in expected[begin : begin + lines_at_once]:
            writer.write(line + b"\n")
        found += tap.poll()
    assert found == expected


def test_lines_written_just_before_a_rotation_are_read(tap: Tap, path: Path) -> None:
    """The renamed file is read to its end first, an unfinished line included."""
    _append(path, b"1\ntorn")
    path.rename(path.with_name("gateway.log.1"))
    _append(path, b"2\n")
    assert tap.poll() == [b"1", b"torn", b"2"]


def test_a_truncated_file_is_read_from_its_beginning(tap: Tap, path: Path) -> None:
    """`> gateway.log`."""
    _append(path, b"a long line that is gone\n")
    tap.poll()
    os.truncate(path, 0)
    _append(path, b"new\n")
    assert tap.poll() == [b"new"]


def test_a_removed_file_is_followed_when_it_is_back(tap: Tap, path: Path) -> None:
    """And older ones beside it are not read again."""
    path.with_name("gateway.log.1").write_bytes(b"old\n")
    os.utime(path.with_name("gateway.log.1"), (1, 1))
    _append(path, b"1\n")
    path.unlink()
    assert tap.poll() == [b"1"]
    _append(path, b"2\n")
    assert tap.poll() == [b"2"]


def test_a_file_that_comes_later_is_read_from_its_beginning(path: Path) -> None:
    """A new instance; its first files may have been rotated already."""
    tap = Tap(path, from_end=False)
    assert tap.poll() == []
    path.with_name("gateway.log.1").write_bytes(b"1\n")
    path.write_bytes(b"2\n")
    assert tap.poll() == [b"1", b"2"]
    tap.close()


def test_much_at_once_comes_in_several_looks(tap: Tap, path: Path) -> None:
    """No look holds more than some megabytes."""
    lines = [b"x" * 99_999] * 100
    _append(path, b"".join(line + b"\n" for line in lines))
    looks = []
    while found := tap.poll():
        looks.append(found)
    assert len(looks) > 1
    assert sum(looks, []) == lines  # noqa: RUF017
