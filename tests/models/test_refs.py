"""What branches meant when they were pulled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harken.models.refs import read_refs, remove_if_empty, write_ref

A = "a" * 40

WRITER = """
import sys
from pathlib import Path
from harken.models.refs import write_ref
for number in range(40):
    write_ref(Path(sys.argv[1]), Path(sys.argv[2]), f"{sys.argv[3]}{number}", "a" * 40)
"""


@pytest.mark.slow
def test_two_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each reads what the other wrote before."""
    folder, lock = tmp_path / "model", tmp_path / "lock"
    command = [sys.executable, "-c", WRITER, str(folder), str(lock)]
    writers = [subprocess.Popen([*command, name]) for name in ("v", "w")]
    assert [one.wait(30) for one in writers] == [0, 0]
    assert set(read_refs(folder)) == {f"{name}{number}" for name in ("v", "w") for number in range(40)}


def test_a_folder_without_revisions_is_deleted(tmp_path: Path) -> None:
    """Also where a writer was killed; with anything else in it, it stays as it is."""
    folder, lock = tmp_path / "model", tmp_path / "lock"
    write_ref(folder, lock, "main", A)
    (folder / ".refs.json.77").write_text("{")
    (folder / A).mkdir()
    remove_if_empty(folder, lock)
    assert read_refs(folder) == {"main": A}
    (folder / A).rmdir()
    remove_if_empty(folder, lock)
    remove_if_empty(folder, lock)
    assert not folder.exists()
