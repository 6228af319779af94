"""Checkpoints as they lie on the machine: whole, cut off, of the wrong kind, missing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from harken.config import InstanceConfig
from harken.engine.resolve import resolve_model
from harken.models.manifest import FileEntry
from harken.models.store import ModelStore, write_manifest
from harken.ops.doctor.checkpoints import is_stub, look_at_aligner, look_at_model
from tests.models.test_store import put


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was downloaded, and nothing could be."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")


def test_a_packaged_model_is_whole() -> None:
    """With its aligner."""
    own = InstanceConfig(model="digits")
    model, aligner = look_at_model(own), look_at_aligner(own)
    assert (model.problem, model.is_missing, model.is_bfloat16, model.is_builtin) == ("", False, True, False)
    assert model.stored_bytes and model.stored_bytes > 3_000_000
    assert aligner is not None and aligner.problem == "" and aligner.name != "auto"
    assert look_at_aligner(InstanceConfig(model="digits", aligner="none")) is None


def test_a_published_model_that_is_missing_has_built_in_figures() -> None:
    """Any other hub name has none, and neither is an error."""
    known = look_at_model(InstanceConfig(model="Qwen/Qwen3-ASR-0.6B"))
    assert known.is_missing and known.is_builtin and known.config is not None
    strange = look_at_model(InstanceConfig(model="me/mine"))
    assert strange.is_missing and strange.config is None and strange.stored_bytes is None
    assert look_at_aligner(InstanceConfig(model="Qwen/Qwen3-ASR-0.6B")) is None
    asked = look_at_aligner(InstanceConfig(aligner="Qwen/Qwen3-ForcedAligner-0.6B"))
    assert asked is not None and asked.is_missing


@pytest.mark.parametrize("name", ["nonsense", "", "/no/such/folder", "a/b/c"])
def test_a_name_that_means_nothing_is_told(name: str) -> None:
    """In the words of the configuration's error."""
    found = look_at_model(InstanceConfig(model=name))
    assert "is neither" in found.problem and not found.is_missing


def test_a_name_that_no_system_takes_is_told() -> None:
    """It is longer than a path may be."""
    found = look_at_model(InstanceConfig(model="a" * 5000))
    assert "File name too long" in found.problem and len(found.problem) < 300
    aligner = look_at_aligner(InstanceConfig(aligner="a" * 5000))
    assert aligner is not None and "File name too long" in aligner.problem


def test_a_model_in_the_place_of_an_aligner_is_told() -> None:
    """And the other way round."""
    folder = resolve_model("digits")
    assert "forced aligner" in look_at_model(InstanceConfig(model=str(folder.with_name("digits-aligner")))).problem
    found = look_at_aligner(InstanceConfig(model="digits", aligner=str(folder)))
    assert found is not None and "speech recogniser" in found.problem


def test_a_folder_with_a_fault_is_told_by_its_fault(tmp_path: Path) -> None:
    """Cut off, emptied, without a shard, or no JSON."""
    folder = tmp_path / "model"
    shutil.copytree(resolve_model("digits"), folder)
    own = InstanceConfig(model=str(folder))
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert "is cut off: it has" in look_at_model(own).problem
    weights.write_bytes(b"")
    assert "is no safetensors file" in look_at_model(own).problem
    weights.unlink()
    assert "cannot be read" in look_at_model(own).problem
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-1.safetensors cannot be read" in look_at_model(own).problem
    (folder / "config.json").write_text("{")
    assert "is not valid JSON" in look_at_model(own).problem
    shutil.rmtree(folder)


def test_a_pulled_model_is_here(tmp_path: Path) -> None:
    """By its name, and by its revision; another revision is not, and nobody downloads one at the start."""
    store, revision = ModelStore(tmp_path / "models"), "a" * 40
    for name, packaged in (("me/mine", "digits"), ("me/times", "digits-aligner")):
        folder = put(store, name, revision, at="2026-01-01T00:00:00Z", ref="v2")
        shutil.copytree(resolve_model("digits").with_name(packaged), folder, dirs_exist_ok=True)
        stored = store.at(name, revision)
        assert stored is not None
        whole = FileEntry(name="config.json", size=(folder / "config.json").stat().st_size, sha256="0" * 64)
        write_manifest(folder, dataclasses.replace(stored.manifest, files=(whole,)))
    own = InstanceConfig(model="me/mine", aligner="me/times@v2")
    model, aligner = look_at_model(own, store), look_at_aligner(own, store)
    assert (model.folder, model.problem) == (store.place("me/mine", revision), "")
    assert aligner is not None and (aligner.folder, aligner.problem) == (store.place("me/times", revision), "")
    assert look_at_model(own).is_missing
    other = look_at_model(InstanceConfig(model="me/mine@v3"), store)
    assert "'v3'" in other.problem and other.remedy == "harken pull me/mine@v3"


def test_a_stub_has_no_checkpoint() -> None:
    """By its name, with options or without."""
    assert is_stub("stub") and is_stub("stub:rtfx=10")
    assert not is_stub("stubborn") and not is_stub("digits")
