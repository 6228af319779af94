"""`harken backup` and `harken restore`, as a person types them: exit codes, sentences, and what is left of a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from harken.config import StateConfig
from harken.ops.backup.passing import MARK
from tests.ops.backup.house import House, everything, furnish


def command(*arguments: str | Path) -> list[str]:
    """The command of this Python."""
    return [sys.executable, "-m", "harken", *map(str, arguments)]


def harken(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A state with something of everything in it, and a harken.toml that leads there."""
    house = furnish(StateConfig(folder=str(tmp_path / "state")))
    text = f'[state]\nfolder = "{house.folder}"\n[instance]\nmodel = "digits"\n'
    (tmp_path / "harken.toml").write_text(text)
    return house


@pytest.mark.slow
def test_a_person_is_told_what_was_saved_and_what_to_do_next(house: House, tmp_path: Path) -> None:
    """In the folder of the harken.toml, with nothing else to say."""
    saved = harken("backup", "a.tar.gz", cwd=tmp_path)
    assert (saved.returncode, saved.stderr) == (0, "")
    assert "jobs: 3, files: 4, keys: 2, recordings of unended files: 3" in saved.stdout
    assert "qwen3-asr-digits" in saved.stdout
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert "config/harken.toml" in archive.getnames()
    tried = harken("backup", "--verify", "a.tar.gz", cwd=tmp_path)
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "good" in tried.stdout
    again = harken("backup", "a.tar.gz", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "[backup_failed]" in again.stderr
    restored = harken("restore", "a.tar.gz", "--to", "new", "--config-to", "new.toml", cwd=tmp_path)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert f'set [state] folder = "{tmp_path / "new"}"' in restored.stdout
    assert everything(tmp_path / "new").keys() == everything(house.folder).keys()
    full = harken("restore", "a.tar.gz", "--to", "new", "--json", cwd=tmp_path)
    assert (full.returncode, full.stdout) == (1, "")
    assert "[restore_refused]" in full.stderr
    dry = harken("restore", "a.tar.gz", "--to", "newer", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(dry.stdout)["counts"]["files"] == 4
    dry = harken("restore", "a.tar.gz", "--to", "newer", "--dry-run", "--database", "sqlite:///x.db", cwd=tmp_path)
    assert "would become" in dry.stdout
    assert "Its rows are in" not in dry.stdout
    assert not (tmp_path / "x.db").exists()
    assert not (tmp_path / "newer").exists()


@pytest.mark.slow
def test_wrong_usage_is_seen_before_anything_is_read(tmp_path: Path) -> None:
    """Exit code 2."""
    for usage in (
        ("backup",),
        ("backup", "a.zip"),
        ("backup", tmp_path / "no" / "a.tar.gz"),
        ("backup", "--verify", "--weights", "a.tar.gz"),
        ("backup", "a.tar.gz", "--set", "no.such=1"),
        ("restore", "a.tar.gz"),
        ("restore", tmp_path / "a.tar.gz", "--to", tmp_path / "x", "--database", "no://such"),
    ):
        done = harken(*usage, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), usage
        assert "Traceback" not in done.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_database_that_cannot_be_reached_is_said_without_its_password(house: House, tmp_path: Path) -> None:
    """Neither by a backup nor by a restore."""
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:9/harken"
    assert harken("backup", "a.tar.gz", cwd=tmp_path).returncode == 0
    for usage in (
        ("backup", "b.tar.gz", "--set", f"state.database={url}"),
        ("restore", "a.tar.gz", "--to", "new", "--database", url),
    ):
        done = harken(*usage, cwd=tmp_path)
        assert done.returncode == 1
        assert "[state_unavailable]" in done.stderr
        assert "hunter2" not in done.stderr
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.fixture
def big_model(tmp_path: Path) -> Path:
    """A model that takes a while to save."""
    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with (folder / "model.safetensors").open("wb") as file:
        for _ in range(16):
            file.write(os.urandom(1 << 24))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_backup_that_is_stopped_leaves_nothing(
    house: House, tmp_path: Path, big_model: Path, number: signal.Signals
) -> None:
    """Not a file of it, neither beside the archive nor in the state folder; and no traceback."""
    asked = command("backup", "a.tar.gz", "--weights", "--set", f"instance.model={big_model}")
    before = everything(house.folder)
    with subprocess.Popen(asked, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        draft = tmp_path / ".a.tar.gz.partial"
        deadline = time.monotonic() + 60
        while not draft.exists() or not draft.stat().st_size:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)  # between two looks
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in told
    assert everything(house.folder) == before
    assert {path.name for path in tmp_path.iterdir()} == {"state", "big", "harken.toml"}


@pytest.mark.slow
def test_what_a_killed_backup_left_is_removed_by_the_next(house: House, tmp_path: Path, big_model: Path) -> None:
    """Its draft, its copy of the database, its second names of recordings."""
    asked = command("backup", "a.tar.gz", "--weights", "--set", f"instance.model={big_model}")
    with subprocess.Popen(asked, cwd=tmp_path) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / ".a.tar.gz.partial").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)  # between two looks
        other = harken("backup", "a.tar.gz", cwd=tmp_path)
        assert "Another backup is being written" in other.stderr
        assert process.poll() is None
        process.kill()
    assert list(house.folder.glob(f"{MARK}*"))
    assert harken("backup", "a.tar.gz", cwd=tmp_path).returncode == 0
    assert not list(house.folder.glob(f"{MARK}*"))
    assert {path.name for path in tmp_path.iterdir()} == {"state", "big", "harken.toml", "a.tar.gz"}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/proc", "/dev/null/below"])
def test_a_place_that_cannot_be_written_is_told_in_one_sentence(house: House, tmp_path: Path, place: str) -> None:
    """Also to root, whom few places refuse."""
    assert harken("backup", "a.tar.gz", cwd=tmp_path).returncode == 0
    for usage in (
        ("backup", f"{place}/a.tar.gz"),
        ("restore", "a.tar.gz", "--to", f"{place}/new"),
        ("restore", "a.tar.gz", "--to", "new", "--config-to", f"{place}/new.toml"),
    ):
        done = harken(*usage, cwd=tmp_path)
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        assert done.stderr.startswith("harken: "), done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"state", "harken.toml", "a.tar.gz"}


@pytest.mark.slow
def test_nobody_needs_to_read_what_came_of_it(house: House, tmp_path: Path) -> None:
    """A pipe that is closed at its other end changes nothing about what was done; a full disk is said."""
    done = []
    for usage in (
        ("backup", "a.tar.gz"),
        ("backup", "--verify", "a.tar.gz", "--json"),
        ("restore", "a.tar.gz", "--to", "new"),
    ):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done.append(
                subprocess.run(command(*usage), cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)
            )
        finally:
            os.close(writer)
    assert [(one.returncode, one.stderr) for one in done] == [(0, b"")] * 3
    assert everything(tmp_path / "new").keys() == everything(house.folder).keys()
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            command("backup", "--verify", "a.tar.gz"), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert told.returncode == 1
    assert b"cannot be written" in told.stderr


@pytest.mark.slow
def test_what_is_no_plain_file_is_no_backup(tmp_path: Path) -> None:
    """Nobody waits for the other end of a pipe."""
    os.mkfifo(tmp_path / "a.tar.gz")
    for usage in (("backup", "--verify", "a.tar.gz"), ("restore", "a.tar.gz", "--to", "new")):
        done = harken(*usage, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert "is not a plain file" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_an_empty_path_is_not_the_working_directory(house: House, tmp_path: Path) -> None:
    """A script whose variable is not set must not have its folder moved aside; nor one that is no state folder."""
    assert harken("backup", "a.tar.gz", cwd=tmp_path).returncode == 0
    for usage in (("--to", ""), ("--to", "new", "--config-to", "")):
        done = harken("restore", "a.tar.gz", "--replace", *usage, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "it is empty" in done.stderr
    done = harken("restore", "../a.tar.gz", "--to", "..", "--replace", cwd=house.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing in it shows that it is a state folder" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"state", "harken.toml", "a.tar.gz"}


@pytest.mark.slow
def test_weights_that_are_not_here_are_told_or_refused(house: House, tmp_path: Path) -> None:
    """With --weights there is no backup then."""
    usage = ("backup", "a.tar.gz", "--set", "instance.model=nobody/nothing@v2", "--set", "instance.aligner=none")
    refused = harken(*usage, "--weights", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "nobody/nothing@v2 is not on this machine" in refused.stderr
    assert not (tmp_path / "a.tar.gz").exists()
    saved = harken(*usage, cwd=tmp_path)
    assert (saved.returncode, saved.stderr) == (0, "")
    assert "model nobody/nothing@v2: not on this machine\n" in saved.stdout
    restored = harken("restore", "a.tar.gz", "--to", "new", cwd=tmp_path)
    assert "model nobody/nothing@v2: not on the machine that was saved\n" in restored.stdout
