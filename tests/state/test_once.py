"""Words that are made once and kept."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from harken.state import kept_once


def test_a_word_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """Nothing else is left in the folder."""
    path = tmp_path / "word"
    assert [kept_once(path, made) for made in (lambda: "first", lambda: "second")] == ["first", "first"]
    assert [found.name for found in tmp_path.iterdir()] == ["word"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_those_who_make_it_at_the_same_moment_get_the_same(tmp_path: Path) -> None:
    """Each made its own; one was first."""
    numbers = count()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept_once, tmp_path / "word", lambda: f"{next(numbers)}") for _ in range(32)]
    assert len({one.result() for one in asked}) == 1


@pytest.mark.parametrize("left", [b"", b"\n", b"\0" * 16])
def test_what_lost_its_text_is_made_anew(tmp_path: Path, left: bytes) -> None:
    """Nothing, or zeros, as a crash may leave a file that was not put on the disk."""
    path = tmp_path / "word"
    path.write_bytes(left)
    assert kept_once(path, lambda: "again") == "again"
    assert kept_once(path, lambda: "third") == "again"


def test_a_disk_that_cannot_keep_it_is_told(tmp_path: Path) -> None:
    """And no draft is left."""
    with pytest.raises(FileNotFoundError):
        kept_once(tmp_path / "missing" / "word", lambda: "word")
