"""The folder of pulled models."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harken.config import ModelsConfig
from harken.models.hashing import Stopped, digests_of
from harken.models.lock import try_lock
from harken.models.manifest import FileEntry, Manifest
from harken.models.names import Spec
from harken.models.store import ModelStore, models_folder, note_verified, write_manifest

A, B = "a" * 40, "b" * 40


def put(store: ModelStore, name: str, revision: str, *, at: str, ref: str | None = None) -> Path:
    """Put a model there, as a pull does."""
    folder = store.place(name, revision)
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    entry = FileEntry(name="config.json", size=2, sha256=hashlib.sha256(b"{}").hexdigest())
    write_manifest(folder, Manifest(name=name, revision=revision, source="https://x", files=(entry,), pulled_at=at))
    if ref is not None:
        store.set_ref(name, ref, revision)
    return folder


def found(store: ModelStore, name: str, revision: str | None = None) -> str | None:
    """The revision that is found."""
    one = store.find(Spec(name=name, revision=revision))
    return None if one is None else one.revision


def test_the_folder_is_configured_or_the_data_homes(tmp_path: Path) -> None:
    """A relative XDG_DATA_HOME is no answer."""
    assert models_folder(ModelsConfig(folder=str(tmp_path)), {}) == tmp_path
    assert models_folder(ModelsConfig(), {"XDG_DATA_HOME": "/data"}) == Path("/data/harken/models")
    usual = Path.home() / ".local/share/harken/models"
    assert models_folder(ModelsConfig(), {"XDG_DATA_HOME": "data"}) == models_folder(ModelsConfig(), {}) == usual


def test_a_bare_name_is_what_was_pulled_without_a_revision(tmp_path: Path) -> None:
    """Even when another revision came later; without such a one, the newest."""
    store = ModelStore(tmp_path)
    put(store, "x/y", A, at="2026-01-01T00:00:00Z")
    put(store, "x/y", B, at="2026-01-02T00:00:00Z", ref="v2")
    assert found(store, "x/y") == B
    store.set_ref("x/y", "", A)
    assert found(store, "x/y") == A
    assert (found(store, "x/y", "v2"), found(store, "x/y", "bbbbbbb"), found(store, "x/y", "b")) == (B, B, None)
    assert found(store, "x/z") is None


def test_a_model_that_lacks_a_file_is_not_found(tmp_path: Path) -> None:
    """Nor one whose manifest is gone or names another model."""
    store = ModelStore(tmp_path)
    folder = put(store, "x/y", A, at="")
    (folder / "config.json").write_bytes(b"{} ")
    assert found(store, "x/y") is None
    assert store.revisions("x/y")[0].missing == ("config.json",)
    (folder / "harken-manifest.json").write_text("{}")
    assert store.all() == []
    folder.parent.rename(tmp_path / "models--x--z")
    assert found(store, "x/z") is None


@pytest.mark.parametrize("text", ["", "[]", '{"v1": 3}', '{"v1": "../.."}', "{"])
def test_damaged_refs_are_none(tmp_path: Path, text: str) -> None:
    """The model is found all the same."""
    store = ModelStore(tmp_path)
    put(store, "x/y", A, at="")
    (tmp_path / "models--x--y" / "refs.json").write_text(text)
    assert (store.refs("x/y"), found(store, "x/y")) == ({}, A)


def test_a_store_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    store = ModelStore(tmp_path / "none")
    assert (store.all(), store.partials(), found(store, "x/y")) == ([], [], None)
    assert not (tmp_path / "none").exists()


def test_what_is_removed_leaves_nothing(tmp_path: Path) -> None:
    """Not even the folders around it, but for locks, which are never deleted; another revision stays."""
    store = ModelStore(tmp_path)
    first = put(store, "x/y", A, at="", ref="")
    second = put(store, "x/y", B, at="")
    store.remove("x/y", first)
    assert [one.revision for one in store.all()] == [B]
    store.remove("x/y", second)
    assert [one.name for one in tmp_path.iterdir()] == [".locks"]


def test_when_it_was_verified_is_noted(tmp_path: Path) -> None:
    """In the manifest, whole."""
    store = ModelStore(tmp_path)
    put(store, "x/y", A, at="2026-01-01T00:00:00Z")
    note_verified(store.all()[0], "2026-02-01T00:00:00Z")
    assert store.all()[0].manifest.verified_at == "2026-02-01T00:00:00Z"
    assert [path.name for path in store.all()[0].folder.iterdir() if path.name.startswith(".")] == []


def test_foreign_names_are_not_looked_up(tmp_path: Path) -> None:
    """A name from outside never becomes a path that leads elsewhere."""
    store = ModelStore(tmp_path / "models")
    put(store, "x/y", A, at="")
    for name, revision in (("../models/x", A), ("x/y", "../" + A), ("x/y", ""), ("", "")):
        assert store.at(name, revision) is None


def test_digests_are_those_of_git_and_sha256sum(tmp_path: Path) -> None:
    """Computed by the real tools."""
    path = tmp_path / "x.json"
    path.write_bytes(os.urandom(100_000))
    git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    sha = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
    digests = digests_of(path)
    assert (digests.git_sha1, digests.sha256, digests.size) == (git, sha, 100_000)
    with pytest.raises(Stopped):
        digests_of(path, lambda: True)


def test_a_lock_is_held_once_and_dies_with_its_holder(tmp_path: Path) -> None:
    """A killed process holds nothing."""
    path = tmp_path / "locks" / "one"
    program = (
        "import sys, time; from pathlib import Path; from harken.models.lock import try_lock\n"
        f"with try_lock(Path({json.dumps(str(path))})) as is_taken: print(is_taken, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        with try_lock(path) as is_taken:
            assert not is_taken
        holder.kill()
        holder.wait(10)
        with try_lock(path) as is_taken:
            assert is_taken
