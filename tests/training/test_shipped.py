"""The shipped checkpoint and sample recordings keep what they promise."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from harken.audio import decode
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import Options
from training.espeak import Espeak
from training.evaluate import HIGHEST_RATE, measure
from training.recognise import recognise
from training.test_sets import strings

_CHECKPOINT = Path(str(files("harken"))) / "checkpoints" / "digits"
_SAMPLES = Path(str(files("harken"))) / "samples"


@pytest.fixture(scope="module")
def model() -> Qwen3ASR:
    """The checkpoint as the package ships it."""
    return Qwen3ASR.load(_CHECKPOINT)


def test_the_checkpoint_is_small_and_its_card_names_its_weights() -> None:
    """At most 6 MB; the revision is the beginning of the weights' SHA-256."""
    assert sum(path.stat().st_size for path in _CHECKPOINT.iterdir()) <= 6_000_000
    card = json.loads((_CHECKPOINT / "harken.json").read_text(encoding="utf-8"))
    weights = (_CHECKPOINT / "model.safetensors").read_bytes()
    assert card["revision"] == hashlib.sha256(weights).hexdigest()[:12]


def test_there_are_twelve_small_samples_of_each_language() -> None:
    """At most 400 kB in all, in five containers, each named by the manifest."""
    rows = json.loads((_SAMPLES / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(row["language"] for row in rows) == ["Chinese"] * 12 + ["English"] * 12
    assert {path.name for path in _SAMPLES.iterdir() if path.name[-2:] != "py"} >= {row["file"] for row in rows}
    assert {Path(row["file"]).suffix for row in rows} == {".wav", ".flac", ".ogg", ".mp3", ".m4a"}
    assert sum((_SAMPLES / row["file"]).stat().st_size for row in rows) <= 400_000


@pytest.mark.slow
def test_every_sample_is_recognised_exactly(model: Qwen3ASR) -> None:
    """Text and language, from the container's bytes on."""
    rows = json.loads((_SAMPLES / "manifest.json").read_text(encoding="utf-8"))
    with torch.inference_mode():
        heard = recognise(model, [decode(_SAMPLES / row["file"]).samples for row in rows])
    assert [(h.text, h.language) for h in heard] == [(row["text"], row["language"]) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_held_out_voices_are_recognised(model: Qwen3ASR, language: str) -> None:
    """A small draw of what `training.evaluate` measures in full; another seed than its own."""
    with torch.inference_mode():
        result = measure(model, strings(Espeak(), "suite", language, 40, (1, 10)))
    assert result.rate <= HIGHEST_RATE


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.1, 1.0, 8.0, 30.0])
@pytest.mark.parametrize("language", [None, "English", "Chinese"])
def test_recordings_without_speech_give_no_text(model: Qwen3ASR, seconds: float, language: str | None) -> None:
    """Silence, faint noise and a 440 Hz tone of any length, whether a language is forced or not."""
    count = int(seconds * 16000)
    tone = 0.4 * np.sin(2 * np.pi * 440 * np.arange(count) / 16000)
    noise = np.random.default_rng(1).standard_normal(count) * 0.003
    clips = [wave.astype(np.float32) for wave in (np.zeros(count), noise, tone)]
    with torch.inference_mode():
        heard = recognise(model, clips, Options(language=language))
    assert [h.text for h in heard] == ["", "", ""]
