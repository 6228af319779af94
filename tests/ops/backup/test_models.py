"""Which model a backup names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.config import InstanceConfig
from harken.models.names import Spec
from harken.models.store import ModelStore
from harken.ops.backup.errors import BackupFailed
from harken.ops.backup.models import note_models
from tests.models.test_store import A, put


def test_the_model_and_its_aligner_are_named_with_every_file(tmp_path: Path) -> None:
    """Size and checksum of each; the files themselves only where they are wanted."""
    store = ModelStore(tmp_path)
    notes, places = note_models(InstanceConfig(model="digits"), store, is_included=False)
    assert [(note.role, note.name) for note in notes] == [("model", "qwen3-asr-digits"), ("aligner", notes[1].name)]
    assert {"model/config.json", "model/model.safetensors", "model/canary.flac"} <= {
        member.name for member in notes[0].files
    }
    assert places == {}
    _, places = note_models(InstanceConfig(model="digits"), store, is_included=True)
    assert places["model/model.safetensors"].is_file()
    assert {name.partition("/")[0] for name in places} == {"model", "aligner"}


@pytest.mark.parametrize("spec", ["Nobody/Nothing", "Nobody/Nothing@v2", "no such thing"])
def test_a_model_that_is_not_here_is_named_so_unless_its_files_are_wanted(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup downloads nothing, and is not made without the weights for which somebody asked."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store, instance = ModelStore(tmp_path), InstanceConfig(model=spec, aligner="none")
    notes, places = note_models(instance, store, is_included=False)
    assert [(note.spec, note.files, note.is_absent) for note in notes] == [(spec, (), True), ("none", (), False)]
    assert places == {}
    with pytest.raises(BackupFailed, match=spec):
        note_models(instance, store, is_included=True)


@pytest.mark.parametrize("spec", ["stub", "stub:rtfx=50"])
def test_a_stub_has_no_files_and_lacks_none(spec: str, tmp_path: Path) -> None:
    """Nor has the aligner beside it."""
    notes, places = note_models(InstanceConfig(model=spec), ModelStore(tmp_path), is_included=True)
    assert [(note.files, note.is_absent) for note in notes] == [((), False), ((), False)]
    assert places == {}


@pytest.mark.parametrize("spec", ["x/y", f"x/y@{A}", "x/y-hf"])
def test_a_pulled_model_is_named_as_it_can_be_pulled_again(spec: str, tmp_path: Path) -> None:
    """By its name and the commit of its manifest; its files are found where they are wanted."""
    store = ModelStore(tmp_path)
    folder = put(store, "x/y", A, at="2026-01-01T00:00:00Z")
    instance = InstanceConfig(model=spec, aligner="none")
    note = note_models(instance, store, is_included=False)[0][0]
    assert store.find(Spec(name=note.name, revision=note.revision)) is not None
    assert (note.name, note.revision, note.is_absent) == ("x/y", A, False)
    with pytest.raises(BackupFailed, match="holds no weights"):
        note_models(instance, store, is_included=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    _, places = note_models(instance, store, is_included=True)
    assert places["model/model.safetensors"] == folder / "model.safetensors"


def test_pickles_are_never_taken(tmp_path: Path) -> None:
    """Nor folders, nor names that an archive cannot hold."""
    for name in ("config.json", "model.safetensors", "pytorch_model.bin", "evil.pkl", ".hidden.json", "a b.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "more.json").mkdir()
    instance = InstanceConfig(model=str(tmp_path), aligner="none")
    _, places = note_models(instance, ModelStore(tmp_path / "none"), is_included=True)
    assert sorted(places) == ["model/config.json", "model/model.safetensors"]
