"""What the forced aligner is compared with: transformers' token-classification class and its processor.

Owns random aligners in both published layouts, and transformers' answer to a clip and its words.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.qwen3_asr import reference

_processing: Any = importlib.import_module("transformers.models.qwen3_asr.processing_qwen3_asr")

TIMESTAMP_TOKEN = 264
"""Of the small tokenizer."""

TICK_MS = 80

_UNTIED: dict[str, Any] = {"tie_word_embeddings": False, "timestamp_token_id": TIMESTAMP_TOKEN}
TINY: dict[str, Any] = reference.TINY | _UNTIED | {"num_labels": 400}
PROPORTIONED: dict[str, Any] = reference.PROPORTIONED | _UNTIED | {"num_labels": 5000}
"""The published heads and classes on a narrow body of few layers."""

WORDS = ("one", "two", "three", "it's", "7", "élan", "twenty", "a", "thought", "三", "好")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Transformers' answer to one clip.

    Attributes:
        ids: [tokens] what it was asked.
        logits: [timestamps, classes].
        times_ms: start and end of every word, repaired.
    """

    ids: Tensor
    logits: Tensor
    times_ms: list[int]


def random_aligner(shape: Mapping[str, Any], seed: int = 0) -> Any:
    """Build transformers' aligner with seeded weights, in float32 on the CPU."""
    config = reference.transformers.Qwen3ASRConfig(**json.loads(json.dumps(shape)))
    return reference.drawn(reference.transformers.Qwen3ASRForTokenClassification(config).eval(), seed)


def write_hf(folder: Path, model: Any) -> Path:
    """Save an aligner in the `-hf` layout, with the small tokenizer."""
    model.save_pretrained(folder)
    reference.write_small_tokenizer(folder)
    (folder / "processor_config.json").write_text(json.dumps({"timestamp_segment_time": TICK_MS}))
    return folder


def write_original(folder: Path, hf: Path) -> Path:
    """Rewrite an aligner of the `-hf` layout in the original one."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((hf / "config.json").read_text())
    text = dict(config["text_config"])
    text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
    del text["max_position_embeddings"]
    thinker = {
        "model_type": "qwen3_forced_aligner",
        "audio_token_id": config["audio_token_id"],
        "classify_num": len(config["id2label"]),
        "audio_config": config["audio_config"] | {"model_type": "qwen3_asr_audio_encoder", "conv_chunksize": 500},
        "text_config": text,
    }
    original = {
        "model_type": "qwen3_asr",
        "architectures": ["Qwen3ASRForConditionalGeneration"],
        "timestamp_token_id": TIMESTAMP_TOKEN,
        "timestamp_segment_time": TICK_MS,
        "thinker_config": thinker,
    }
    (folder / "config.json").write_text(json.dumps(original))
    state = load_file(hf / "model.safetensors")
    head = state.pop("score.weight")
    renamed = {reference.original_name(name): tensor for name, tensor in state.items()}
    save_file({**renamed, "thinker.lm_head.weight": head}, folder / "model.safetensors")
    reference.write_small_tokenizer(folder, as_parts=True)
    return folder


def answer(model: Any, samples: reference.Wave, ids: Tensor, tick_ms: int, timestamp: int) -> Answer:
    """Let transformers time the words of a prompt for one clip, alone."""
    features, mask = reference.reference_features(samples)
    with torch.inference_mode():
        logits = model(
            input_ids=ids[None], attention_mask=torch.ones_like(ids[None]), input_features=features,
            input_features_mask=mask,
        ).logits  # fmt: skip
    asked = logits[0][ids == timestamp]
    return Answer(ids=ids, logits=asked, times_ms=fix_timestamps((asked.argmax(-1).float() * tick_ms).numpy()))


def ask(processor: Any, samples: reference.Wave, text: str) -> tuple[Tensor, list[str]]:
    """Let transformers' processor write a prompt; returns its ids and its words."""
    inputs, words = processor.prepare_forced_aligner_inputs(audio=[samples], transcript=[text])
    return inputs["input_ids"][0], words[0]


def fix_timestamps(times_ms: NDArray[np.float32]) -> list[int]:
    """Transformers' repair."""
    repaired: list[int] = _processing._fix_timestamps(times_ms)
    return repaired


def split_words(text: str, language: str | None = None) -> list[str]:
    """Split words as transformers does; it needs no processor for that."""
    found: list[str] = _processing.Qwen3ASRProcessor.split_words_for_alignment(None, text, language)
    return found


def clean_words(words: Iterable[str]) -> list[str]:
    """Transformers' rule of what is kept of a word."""
    kept: list[str] = _processing._clean_tokens(words)
    return kept
