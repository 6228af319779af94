"""Checkpoints with random weights: real folders, that we and transformers read alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.checkpoint import SIZES, find_model, shapes
from benchmarks.engine.forced import load_forced
from benchmarks.engine.quantization import follow, sounds_of
from benchmarks.engine.rival import Rival
from harken.qwen3_asr.model import Qwen3ASR


def test_it_loads_as_a_model_of_its_size(tiny_folder: Path) -> None:
    """With the card of a model of thirty seconds and the digits model's tokenizer."""
    model = Qwen3ASR.load(tiny_folder, dtype="float32")
    assert model.info.name == "random-tiny"
    assert model.info.max_segment_s == 30.0
    assert model.network.config.decoder.vocabulary == SIZES["tiny"].vocabulary


def test_the_published_sizes_have_their_parameters(tiny_folder: Path, tmp_path: Path) -> None:
    """Told from the configuration alone: 0.78 and 2.04 thousand million, the tied head counted once."""
    from benchmarks.engine.checkpoint import reshaped

    config = json.loads((tiny_folder / "config.json").read_text())
    counts = []
    for name in ("0.6b", "1.7b"):
        (tmp_path / "config.json").write_text(json.dumps(reshaped(config, SIZES[name])))
        counts.append(sum(torch.Size(shape).numel() for shape in shapes(tmp_path).values()))
    assert [round(count / 1e9, 2) for count in counts] == [0.78, 2.04]


def test_every_tensor_is_finite_and_none_is_of_one_number(tiny_folder: Path) -> None:
    """Matrices are noise; what scales and shifts norms is not."""
    with safe_open(tiny_folder / "model.safetensors", framework="pt") as content:
        tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - it is no mapping
    assert set(tensors) == set(shapes(tiny_folder))
    assert all(tensor.dtype == torch.bfloat16 and tensor.isfinite().all() for tensor in tensors.values())
    assert all(tensor.float().std() > 0 for tensor in tensors.values() if tensor.ndim > 1)


def test_it_is_written_once(tiny_folder: Path) -> None:
    """What is there under its name is complete, and taken."""
    file = tiny_folder / "model.safetensors"
    before = file.stat().st_mtime_ns
    assert find_model("tiny", tiny_folder.parent) == tiny_folder
    assert file.stat().st_mtime_ns == before


def test_what_was_broken_off_is_written_anew(tmp_path: Path) -> None:
    """A half-written folder has another name."""
    (tmp_path / "random-tiny.unfinished").mkdir()
    (tmp_path / "random-tiny.unfinished" / "model.safetensors").write_bytes(b"half")
    folder = find_model("tiny", tmp_path)
    assert (folder / "model.safetensors").stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["random-tiny"]


@pytest.mark.slow
def test_the_rival_writes_the_same_tokens(tiny_folder: Path) -> None:
    """In float32, greedily: the same network, the same prompt, the same clips."""
    clip = Clip.of(3.0)
    sounds = sounds_of(clip, 2)
    ours = follow(load_forced(tiny_folder, "float32", "cpu"), sounds, clip.tokens)
    theirs, _ = Rival(tiny_folder, "float32", "cpu").write(sounds, clip.tokens)
    assert ours == theirs
    assert ours[0] != ours[1]
