"""The files of a gateway: one for each whose lines they are, and nobody waits for a disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harken.config import LogConfig
from harken.log.log_files import LogFiles, file_name


@pytest.fixture
def files() -> Iterator[LogFiles]:
    """Made, and closed afterwards."""
    made = LogFiles(LogConfig(), lines_max=10)
    yield made
    made.close(5)


def test_lines_go_to_the_file_of_their_owner(files: LogFiles, tmp_path: Path) -> None:
    """And the gateway's to its own."""
    assert files.open(tmp_path) == ""
    files.write("", "1")
    files.write("asr-1", "2")
    files.close(5)
    assert (tmp_path / "gateway.log").read_text(encoding="utf-8") == "1\n"
    assert (tmp_path / "asr-1.log").read_text(encoding="utf-8") == "2\n"


def test_lines_before_the_folder_is_known_are_kept_within_a_bound(files: LogFiles, tmp_path: Path) -> None:
    """Ten may wait; how many were lost stands in the file."""
    for number in range(15):
        files.write("", str(number))
    files.open(tmp_path)
    files.close(5)
    note, *lines = (tmp_path / "gateway.log").read_text(encoding="utf-8").splitlines()
    assert lines == [str(number) for number in range(10)]
    assert (json.loads(note)["event"], json.loads(note)["lines"]) == ("log.dropped", 5)


def test_a_folder_is_written_by_one_process(files: LogFiles, tmp_path: Path) -> None:
    """The second is told so, and writes nothing; when the first has left, a third may."""
    assert files.open(tmp_path) == ""
    second, third = LogFiles(LogConfig()), LogFiles(LogConfig())
    assert second.open(tmp_path) == "another process writes its log there"
    second.write("", "never")
    files.close(5)
    assert third.open(tmp_path) == ""
    third.close(5)
    second.close(5)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_told_and_costs_nothing(files: LogFiles, tmp_path: Path) -> None:
    """A file lies in its place."""
    place = tmp_path / "logs"
    place.touch()
    assert files.open(place) != ""
    for number in range(1000):
        files.write("", str(number))


def test_after_the_end_nothing_is_made_any_more(files: LogFiles, tmp_path: Path) -> None:
    """A passing gateway's folder goes with it, and does not come back with the last line."""
    folder = tmp_path / "logs"
    files.open(folder)
    files.close(5)
    folder.rmdir()
    files.write("", "late")
    files.close(5)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [("asr-1", "asr-1.log"), ("../../etc/x", "_.._etc_x.log"), ("a b\n", "a_b_.log"), ("x" * 300, "x" * 100 + ".log")],
)
def test_a_name_cannot_lead_out_of_the_folder(owner: str, name: str) -> None:
    """Whatever an instance is called."""
    assert file_name(owner) == name
