"""Which model a backup names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.config import InstanceConfig
from harken.ops.backup.models import note_models


def test_the_model_and_its_aligner_are_named_with_every_file(tmp_path: Path) -> None:
    """Size and checksum of each; the files themselves only where they are wanted."""
    notes, places = note_models(InstanceConfig(model="digits"), is_included=False)
    assert [(note.role, note.name) for note in notes] == [("model", "qwen3-asr-digits"), ("aligner", notes[1].name)]
    assert {"model/config.json", "model/model.safetensors", "model/canary.flac"} <= {
        member.name for member in notes[0].files
    }
    assert places == {}
    _, places = note_models(InstanceConfig(model="digits"), is_included=True)
    assert places["model/model.safetensors"].is_file()
    assert {name.partition("/")[0] for name in places} == {"model", "aligner"}


@pytest.mark.parametrize("spec", ["stub", "Nobody/Nothing", "no such thing"])
def test_a_model_that_is_not_here_is_named_and_no_more(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup downloads nothing and fails for none."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    notes, places = note_models(InstanceConfig(model=spec, aligner="none"), is_included=True)
    assert [(note.spec, note.files) for note in notes] == [(spec, ()), ("none", ())]
    assert places == {}


def test_pickles_are_never_taken(tmp_path: Path) -> None:
    """Nor folders, nor names that an archive cannot hold."""
    for name in ("config.json", "model.safetensors", "pytorch_model.bin", "evil.pkl", ".hidden.json", "a b.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "more.json").mkdir()
    _, places = note_models(InstanceConfig(model=str(tmp_path), aligner="none"), is_included=True)
    assert sorted(places) == ["model/config.json", "model/model.safetensors"]
