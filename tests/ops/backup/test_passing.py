"""Folders that are gone afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_folder_that_another_takes_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_removed: bool
) -> None:
    """The other cannot know that it is not one that was left: it has removed it, or is about to."""
    real, made = fcntl.flock, list[Path]()

    with contextlib.ExitStack() as stack:

        def after_another(opened: int, how: int) -> None:
            monkeypatch.setattr(fcntl, "flock", real)
            made.extend(tmp_path.iterdir())
            if is_removed:
                with passing_folder(tmp_path):
                    assert not made[0].exists()
            else:
                other = os.open(made[0], os.O_RDONLY)
                stack.callback(os.close, other)
                real(other, fcntl.LOCK_EX)
            real(opened, how)

        monkeypatch.setattr(fcntl, "flock", after_another)
        with passing_folder(tmp_path) as used:
            assert used != made[0]
            (used / "mine").touch()
            with passing_folder(tmp_path):
                assert (used / "mine").exists()
        assert not used.exists()
