"""Folders that are gone afterwards."""

from __future__ import annotations

from pathlib import Path

from harken.ops.backup.passing import MARK, passing_folder


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    """Whoever comes next cleans up; links are not followed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    left = tmp_path / f"{MARK}left"
    left.mkdir()
    (left / "half").touch()
    (tmp_path / f"{MARK}link").symlink_to(precious)
    with passing_folder(tmp_path) as used:
        (used / "mine").touch()
        with passing_folder(tmp_path):
            assert not left.exists()
            assert (used / "mine").exists()
    assert (precious / "file").exists()
    assert not used.exists()
