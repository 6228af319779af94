"""Disks, by folders that may not be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harken.machine.disk import disk_of


def test_a_folder_that_is_not_there_is_looked_for_above(tmp_path: Path) -> None:
    """And is not made."""
    found = disk_of(tmp_path / "a" / "b" / "c")
    assert (found.existing, found.is_writable, found.problem) == (tmp_path, True, "")
    assert found.free_bytes is not None and found.free_bytes > 0
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """No folder can be made below a file."""
    (tmp_path / "file").write_text("")
    found = disk_of(tmp_path / "file" / "below")
    assert not found.is_writable
    assert found.problem == f"{tmp_path / 'file'} is no folder"


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    """A folder cannot be made in its place."""
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert disk_of(tmp_path / "link").problem == f"{tmp_path / 'link'} is a link that leads nowhere"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_named(tmp_path: Path) -> None:
    """By what the system would say."""
    tmp_path.chmod(0o555)
    try:
        assert disk_of(tmp_path / "new").problem == f"no permission to write to {tmp_path}"
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write to")
def test_a_file_system_that_takes_nothing_is_not_writable() -> None:
    """Even by root."""
    assert not disk_of(Path("/proc/self/new")).is_writable or os.geteuid() == 0
