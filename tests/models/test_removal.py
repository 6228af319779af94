"""Folders that were to be removed."""

from __future__ import annotations

from pathlib import Path

from harken.models.lock import try_lock
from harken.models.removal import delete, set_aside
from harken.models.store import ModelStore

A, B = "a" * 40, "b" * 40


def left(store: ModelStore, name: str, revision: str, *, partial: bool = False) -> Path:
    """What a removal leaves that was killed in the middle."""
    folder = store.partial_place(name, revision) if partial else store.place(name, revision)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x")
    return set_aside(folder)


def test_what_a_killed_removal_left_is_swept(tmp_path: Path) -> None:
    """Of whole revisions and of others, with the folders in which nothing is left; not of another model."""
    store = ModelStore(tmp_path)
    folders = [left(store, "x/y", A), left(store, "x/y", B, partial=True)]
    other = left(store, "x/z", A)
    store.sweep("x/y")
    assert [one.exists() for one in (*folders, other)] == [False, False, True]
    assert sorted(one.name for one in tmp_path.iterdir()) == [".locks", "models--x--z"]


def test_a_removal_that_is_at_work_is_left_alone(tmp_path: Path) -> None:
    """Its revision's lock says so."""
    store = ModelStore(tmp_path)
    folder = left(store, "x/y", A)
    with try_lock(store.lock_of("x/y", A)):
        store.sweep("x/y")
    assert folder.exists()


def test_nothing_but_removed_revisions_is_swept(tmp_path: Path) -> None:
    """Whatever else lies there; looking makes nothing."""
    store = ModelStore(tmp_path)
    kept = [store.place("x/y", name) for name in (A, ".removed-notes", ".removed-abc", f"removed-{A}-1")]
    for folder in kept:
        folder.mkdir(parents=True)
    store.sweep("x/y")
    store.sweep("x/none")
    assert all(folder.exists() for folder in kept)
    assert [one.name for one in tmp_path.iterdir()] == ["models--x--y"]


def test_of_a_link_only_the_link_is_deleted(tmp_path: Path) -> None:
    """What it leads to is somebody's own."""
    (tmp_path / "own").mkdir()
    (tmp_path / A).symlink_to(tmp_path / "own")
    delete(set_aside(tmp_path / A))
    assert [one.name for one in tmp_path.iterdir()] == ["own"]
