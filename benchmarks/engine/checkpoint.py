"""Checkpoints of the published sizes, filled with noise: real folders in the `-hf` layout.

Loading, packing and starting with them is what it is with the published weights; only the text is noise. Files are
written tensor by tensor, so that 4 GB of weights need no 4 GB of memory. The tokenizer, the chat template and the front
end's files are those of the packaged digits model. The invariant: a folder that is there under its name is complete.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from harken.engine.resolve import resolve_model
from harken.languages import NAMES
from harken.qwen3_asr.config import read_config
from harken.qwen3_asr.network import Network

_COPIED = (
    "chat_template.jinja", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "tokenizer.json", "tokenizer_config.json",
)  # fmt: skip
_EMBEDDING_SPREAD = 0.02
_HEAD_NORM = 2.0
"""Scale of queries and keys: attention then picks out some tokens, instead of taking the mean of all."""

_RESIDUAL_GAIN = 3.0
_RESIDUAL = ("o_proj.weight", "down_proj.weight", "linear_2.weight")
"""What is added to a token's embedding: drawn wider, so that the layers decide which token comes next."""

_PART = 1 << 24
"""Numbers that are drawn and written at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The shape of a model: encoder, then decoder; the defaults are what both published sizes share."""

    layers: int
    width: int
    heads: int
    ffn: int
    text_width: int
    text_ffn: int
    channels: int = 480
    text_layers: int = 28
    text_heads: int = 16
    kv_heads: int = 8
    head_dim: int = 128
    vocabulary: int = 151_936


SIZES = {
    "0.6b": Size(layers=18, width=896, heads=14, ffn=3584, text_width=1024, text_ffn=3072),
    "1.7b": Size(layers=24, width=1024, heads=16, ffn=4096, text_width=2048, text_ffn=6144),
    "tiny": Size(
        layers=2, width=128, heads=4, ffn=256, text_width=128, text_ffn=256, channels=16, text_layers=2, text_heads=4,
        kv_heads=2, head_dim=32, vocabulary=512,
    ),
}  # fmt: skip
"""The published sizes, and one that shows in seconds that this benchmark works."""


def find_model(name: str, work: Path) -> Path:
    """The folder of a model: random weights for the name of a size, written now unless they are there already.

    Args:
        name: of a size, or what `--model` of Harken takes.
        work: where checkpoints with random weights are kept.
    """
    if name not in SIZES:
        return resolve_model(name)
    folder = work / f"random-{name}"
    if not folder.is_dir():
        write_checkpoint(folder, SIZES[name])
    return folder


def write_checkpoint(folder: Path, size: Size, *, seed: int = 0) -> None:
    """Write a checkpoint with random weights under the folder's name."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    digits = resolve_model("digits")
    for file in _COPIED:
        shutil.copy(digits / file, unfinished / file)
    config = json.loads((digits / "config.json").read_text(encoding="utf-8"))
    _write_json(unfinished / "config.json", reshaped(config, size))
    card = {"name": folder.name, "revision": f"seed-{seed}", "max_segment_s": 30.0, "languages": list(NAMES)}
    _write_json(unfinished / "harken.json", card)
    with (unfinished / "model.safetensors").open("wb") as weights:
        write_weights(weights, shapes(unfinished), seed)
    unfinished.rename(folder)


def reshaped(config: dict[str, Any], size: Size) -> dict[str, Any]:
    """The digits model's configuration with other sizes; the tokens stay those of its tokenizer."""
    audio = {
        "encoder_layers": size.layers, "d_model": size.width, "encoder_attention_heads": size.heads,
        "encoder_ffn_dim": size.ffn, "downsample_hidden_size": size.channels, "output_dim": size.text_width,
    }  # fmt: skip
    text = {
        "hidden_size": size.text_width, "intermediate_size": size.text_ffn, "num_hidden_layers": size.text_layers,
        "num_attention_heads": size.text_heads, "num_key_value_heads": size.kv_heads, "head_dim": size.head_dim,
        "vocab_size": size.vocabulary, "max_position_embeddings": 65_536,
        "layer_types": ["full_attention"] * size.text_layers,
    }  # fmt: skip
    return {**config, "audio_config": config["audio_config"] | audio, "text_config": config["text_config"] | text}


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the weights that a folder's configuration asks for, without the tied head."""
    with torch.device("meta"):
        network = Network(read_config(folder))
    state = network.state_dict()
    return {f"model.{name}": tuple(tensor.shape) for name, tensor in state.items() if name != "lm_head.weight"}


def write_weights(file: BinaryIO, wanted: dict[str, tuple[int, ...]], seed: int) -> None:
    """Write safetensors in bfloat16: eight bytes that say how long the header is, the header, the numbers."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in wanted.items():
        begin, end = end, end + 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    generator = torch.Generator().manual_seed(seed)
    for name, shape in wanted.items():
        for part in _numbers(name, shape, generator):
            part.view(torch.int16).numpy().tofile(file)


def _numbers(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
    """One tensor, in parts: what scales a norm, what shifts (nothing), and noise for what multiplies.

    A matrix is drawn so that its outputs are as large as its inputs: nothing grows on its way through the layers.
    With the usual small numbers for all of them, a network writes one token for ever, whatever it hears.
    """
    count = torch.Size(shape).numel()
    if len(shape) == 1:
        scale = _HEAD_NORM if name.endswith(("q_norm.weight", "k_norm.weight")) else 1.0
        yield torch.full((count,), scale if name.endswith("weight") else 0.0, dtype=torch.bfloat16)
        return
    spread = (count / shape[0]) ** -0.5 * (_RESIDUAL_GAIN if name.endswith(_RESIDUAL) else 1.0)
    if name.endswith("embed_tokens.weight"):
        spread = _EMBEDDING_SPREAD
    for begin in range(0, count, _PART):
        part = torch.empty(min(_PART, count - begin), dtype=torch.bfloat16)
        yield part.normal_(0, spread, generator=generator)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
