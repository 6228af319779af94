"""Where a state may be put, and how."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harken.ops.backup.errors import RestoreRefused
from harken.ops.backup.place import check_place, put, user_of
from tests.ops.backup.house import everything

HOLDING = """
import sys, sqlite3
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE t (x)")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """What is to be put."""
    folder = tmp_path / "new"
    (folder / "recordings").mkdir(parents=True)
    (folder / "harken.db").write_text("new")
    return folder


def test_a_database_that_a_process_has_open_is_in_use(tmp_path: Path) -> None:
    """Also while it writes nothing; not any more when it is gone. Looking changes nothing."""
    database = tmp_path / "harken.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        assert "open" in str(user_of(tmp_path))
        with pytest.raises(RestoreRefused, match="in use"):
            check_place(tmp_path, replaces=True)
        process.communicate("")
    before = everything(tmp_path)
    assert user_of(tmp_path) is None
    assert everything(tmp_path) == before


def test_a_socket_at_which_somebody_listens_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was left behind is not."""
    deep = tmp_path / ("long" * 25) / ("name" * 25)
    folder = deep / "run" / "7860"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        # Where the path is too long for a socket's address, too.
        monkeypatch.chdir(folder)
        server.bind("control.sock")
        server.listen()
        assert "answers" in str(user_of(deep))
    assert (folder / "control.sock").exists()
    assert user_of(deep) is None


def test_only_an_empty_place_is_free(tmp_path: Path) -> None:
    """Or one that is not there, or a disk's root with nothing of ours."""
    assert not check_place(tmp_path / "none", replaces=False)
    disk = tmp_path / "disk"
    (disk / "lost+found").mkdir(parents=True)
    assert not check_place(disk, replaces=False)
    (disk / "webhook-secret").touch()
    with pytest.raises(RestoreRefused, match="--replace"):
        check_place(disk, replaces=False)
    assert check_place(disk, replaces=True)
    with pytest.raises(RestoreRefused, match="not a folder"):
        check_place(disk / "webhook-secret", replaces=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RestoreRefused, match="link to nothing"):
        check_place(tmp_path / "link", replaces=True)


def test_only_a_state_folder_is_moved_aside(tmp_path: Path) -> None:
    """A home folder that is named by mistake is refused, whatever else it holds; each trace of a server is enough."""
    for name in (".bashrc", "run/user/file", "recordings/holiday.wav", "harken.db/odd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for replaces in (False, True):
        with pytest.raises(RestoreRefused, match="state folder"):
            check_place(tmp_path, replaces=replaces)
    for number, name in enumerate(("harken.db", "webhook-secret", "recordings/.id", "run/7860/fleet.json")):
        trace = tmp_path / str(number) / name
        trace.parent.mkdir(parents=True)
        trace.touch()
        assert check_place(tmp_path / str(number), replaces=True), name


def test_what_was_there_is_moved_aside_whole(tmp_path: Path, new: Path) -> None:
    """Twice in the same second, too."""
    place = tmp_path / "state"
    asides = []
    for number in range(2):
        place.mkdir(exist_ok=True)
        (place / "harken.db").write_text(f"old {number}")
        again = tmp_path / f"new-{number}"
        again.mkdir()
        (again / "harken.db").write_text(f"new {number}")
        asides.append(put(again, place, is_full=True))
        assert (place / "harken.db").read_text() == f"new {number}"
    assert [(aside / "harken.db").read_text() for aside in asides if aside] == ["old 0", "old 1"]


def test_an_empty_folder_stays_itself(tmp_path: Path, new: Path) -> None:
    """It may be where a disk is mounted, and has its owner and mode."""
    place = tmp_path / "state"
    place.mkdir(mode=0o750)
    before = place.stat()
    assert put(new, place, is_full=False) is None
    after = place.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (place / "harken.db").read_text() == "new"
    assert (place / "recordings").is_dir()


def test_what_cannot_be_put_leaves_the_old_in_its_place(tmp_path: Path) -> None:
    """Nothing is half there."""
    place = tmp_path / "state"
    place.mkdir()
    (place / "harken.db").write_text("old")
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "nothing", place, is_full=True)
    assert (place / "harken.db").read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]
