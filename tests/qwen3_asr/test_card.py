"""What a checkpoint says about itself is checked; what it leaves out has the published values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harken.errors import CheckpointError
from harken.qwen3_asr.card import Canary, Card, read_card


def write(folder: Path, **content: Any) -> Path:
    """Write a card."""
    (folder / "harken.json").write_text(json.dumps(content))
    return folder


def test_a_folder_without_a_card_has_the_published_values(tmp_path: Path) -> None:
    """Thirty seconds; the rest is left to the configuration."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    assert read_card(folder) == Card(
        name="my-model", revision=None, max_segment_s=30.0, pause_s=3.0, languages=None, canary=None
    )


def test_a_folder_of_the_hubs_cache_is_named_after_its_repository(tmp_path: Path) -> None:
    """A snapshot's folder is a hash, which is nobody's name for a model."""
    folder = tmp_path / "models--Qwen--Qwen3-ASR-1.7B" / "snapshots" / "0a1b2c"
    folder.mkdir(parents=True)
    assert read_card(folder).name == "Qwen/Qwen3-ASR-1.7B"


def test_a_card_is_read(tmp_path: Path) -> None:
    """Every field, and fields for people are passed over."""
    (tmp_path / "canary.flac").write_bytes(b"")
    canary = {"file": "canary.flac", "text": "one two", "language": "English"}
    languages = ["Chinese", "English"]
    write(tmp_path, name="d", revision="ab", max_segment_s=12, pause_s=1, languages=languages, canary=canary)
    assert read_card(tmp_path) == Card(
        name="d",
        revision="ab",
        max_segment_s=12.0,
        pause_s=1.0,
        languages=("Chinese", "English"),
        canary=Canary(file=tmp_path / "canary.flac", text="one two", language="English"),
    )


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"name": ""}, "name"),
        ({"revision": 3}, "revision"),
        ({"max_segment_s": 0}, "max_segment_s"),
        ({"pause_s": -1}, "pause_s"),
        ({"max_segment_s": True}, "max_segment_s"),
        ({"max_segment_s": "30"}, "max_segment_s"),
        ({"languages": ["Klingon"]}, "Klingon"),
        ({"languages": []}, "language"),
        ({"languages": "English,Chinese"}, "English,Chinese"),
        ({"canary": "canary.flac"}, "canary"),
        ({"canary": {"file": "absent.flac", "text": "x", "language": "English"}}, "absent.flac"),
        ({"canary": {"file": "harken.json", "language": "English"}}, "text"),
    ],
)
def test_a_card_that_cannot_be_true_is_refused(tmp_path: Path, content: dict[str, Any], named: str) -> None:
    """The message names the field."""
    with pytest.raises(CheckpointError, match=named):
        read_card(write(tmp_path, **content))


def test_a_card_is_read_without_torch() -> None:
    """A supervisor may read it where there is no engine."""
    program = "import sys, harken.qwen3_asr.card; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
