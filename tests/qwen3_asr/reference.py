"""What the network is compared with: transformers' own classes, random checkpoints in both layouts, a real vocabulary.

Owns everything that tests and the parity table share. Random weights are drawn wide enough that the sound and
every layer decide which token comes next; with the usual tiny initialisation every network agrees with every other.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

transformers: Any = importlib.import_module("transformers")
"""Untyped on purpose: its annotations do not describe how its own documentation calls it."""

Wave = NDArray[np.float32]

CHAT_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_end|>", "<|audio_pad|>",
    "<asr_text>", "<timestamp>",
)  # fmt: skip

TINY: dict[str, Any] = {
    "audio_config": {
        "model_type": "qwen3_asr_encoder", "num_mel_bins": 128, "encoder_layers": 2, "d_model": 64,
        "encoder_attention_heads": 4, "encoder_ffn_dim": 96, "downsample_hidden_size": 12, "output_dim": 48,
        "n_window": 50, "n_window_infer": 800,
    },
    "text_config": {
        "model_type": "qwen3", "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 272,
        "max_position_embeddings": 2048, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"},
        "tie_word_embeddings": True,
    },
    "audio_token_id": 262, "eos_token_id": [257, 259], "pad_token_id": 259, "tie_word_embeddings": True,
}  # fmt: skip
"""A network of a few ten thousand parameters, for the tokenizer of `write_small_tokenizer`."""

PROPORTIONED: dict[str, Any] = {
    **TINY,
    "audio_config": TINY["audio_config"] | {
        "d_model": 128, "encoder_attention_heads": 2, "encoder_ffn_dim": 512, "downsample_hidden_size": 32,
        "output_dim": 128,
    },
    "text_config": TINY["text_config"] | {
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128,
    },
}  # fmt: skip
"""The published heads (encoder 64 wide; decoder 16 and 8 of 128) on a narrow body."""


def wave(seconds: float, seed: int = 0) -> Wave:
    """Draw something with the ups and downs of speech: tones and noise under a moving envelope."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16_000)) / 16_000
    tones = sum(np.sin(2 * np.pi * f * time + random.uniform(0, 6)) for f in random.uniform(90, 3500, size=6))
    loudness = np.abs(np.sin(2 * np.pi * random.uniform(0.3, 3) * time + random.uniform(0, 3))) ** 3
    sound = (tones / 12 + random.normal(0, 0.05, len(time))) * loudness
    return np.asarray(sound, dtype=np.float32)


def random_model(shape: Mapping[str, Any], seed: int = 0) -> Any:
    """Build transformers' network with seeded weights, in float32 on the CPU."""
    config = transformers.Qwen3ASRConfig(**json.loads(json.dumps(shape)))
    return drawn(transformers.Qwen3ASRForConditionalGeneration(config).eval(), seed)


def drawn(model: Any, seed: int) -> Any:
    """Draw all weights of a network of transformers, and return it."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=random)
            if "embed_tokens" in name:
                parameter.copy_(0.1 * noise)
            elif parameter.ndim == 1:
                centre = 2.0 if name.endswith(("q_norm.weight", "k_norm.weight")) else 1.0
                parameter.copy_(0.2 * noise + (centre if "norm" in name and name.endswith("weight") else 0.0))
            else:
                gain = 3.0 if name.endswith(("o_proj.weight", "down_proj.weight", "linear_2.weight")) else 1.0
                parameter.copy_(noise * gain * parameter[0].numel() ** -0.5)
    return model


def write_hf(folder: Path, model: Any) -> Path:
    """Save a checkpoint in the `-hf` layout, with a small tokenizer."""
    model.save_pretrained(folder)
    write_small_tokenizer(folder)
    return folder


def write_original(folder: Path, hf: Path) -> Path:
    """Rewrite a checkpoint of the `-hf` layout in the original one: nested configuration, `thinker.*` names."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((hf / "config.json").read_text())
    text = dict(config["text_config"])
    text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
    text["rope_scaling"] = {
        "rope_type": "default",
        "type": "default",
        "mrope_section": [24, 20, 20],
        "interleaved": True,
    }
    thinker = {
        "model_type": "qwen3_asr",
        "audio_token_id": config["audio_token_id"],
        "audio_config": config["audio_config"] | {"model_type": "qwen3_asr_audio_encoder", "conv_chunksize": 500},
        "text_config": text,
    }
    original = {"model_type": "qwen3_asr", "support_languages": ["Chinese", "English"], "thinker_config": thinker}
    (folder / "config.json").write_text(json.dumps(original))
    state = {original_name(name): tensor for name, tensor in load_file(hf / "model.safetensors").items()}
    state["thinker.lm_head.weight"] = state["thinker.model.embed_tokens.weight"].clone()
    save_file(state, folder / "model.safetensors")
    write_small_tokenizer(folder, as_parts=True)
    return folder


def original_name(name: str) -> str:
    """Say what the original layout calls a parameter of the `-hf` layout."""
    renamed = (
        ("model.language_model.", "thinker.model."),
        ("model.multi_modal_projector.linear_1.", "thinker.audio_tower.proj1."),
        ("model.multi_modal_projector.linear_2.", "thinker.audio_tower.proj2."),
        ("model.audio_tower.", "thinker.audio_tower."),
        ("lm_head.", "thinker.lm_head."),
    )
    return next(new + name.removeprefix(old) for old, new in renamed if name.startswith(old))


def write_small_tokenizer(folder: Path, *, as_parts: bool = False) -> None:
    """Write a tokenizer of single bytes and one merge, with the tokens of the chat template from id 257."""
    vocabulary = {character: index for index, character in enumerate((*byte_characters().values(), "th"))}
    added = [(257 + index, content, content not in CHAT_TOKENS[6:]) for index, content in enumerate(CHAT_TOKENS)]
    write_tokenizer(folder, vocabulary, ["t h"], added, as_parts=as_parts)


def write_tokenizer(
    folder: Path, vocabulary: dict[str, int], merges: list[str], added: list[tuple[int, str, bool]], *, as_parts: bool
) -> None:
    """Write `vocab.json` + `merges.txt` + `tokenizer_config.json`, or transformers' own `tokenizer.json` of them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {
        str(index): {"content": content, "special": is_special, "normalized": False, "lstrip": False, "rstrip": False,
                     "single_word": False}
        for index, content, is_special in added
    }  # fmt: skip
    config = {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": entries}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    if not as_parts:
        transformers.Qwen2Tokenizer.from_pretrained(folder).save_pretrained(folder)
        (folder / "vocab.json").unlink()
        (folder / "merges.txt").unlink()


def reference_tokenizer(folder: Path) -> Any:
    """Load a folder's tokenizer with transformers."""
    return transformers.Qwen2Tokenizer.from_pretrained(folder)


def reference_features(samples: Wave) -> tuple[Tensor, Tensor]:
    """Compute transformers' features of a clip alone: [1, mels, padded frames], and the mask of real frames."""
    extracted = transformers.Qwen3ASRFeatureExtractor()(
        samples, sampling_rate=16_000, padding=True, return_attention_mask=True, return_tensors="pt"
    )
    return extracted["input_features"], extracted["attention_mask"]


def reference_answer(model: Any, samples: Wave, ids: Tensor, steps: int) -> tuple[list[int], Tensor]:
    """Let transformers write `steps` tokens greedily; returns them and each step's scores, [steps, vocabulary]."""
    features, mask = reference_features(samples)
    written = model.generate(
        input_ids=ids[None], attention_mask=torch.ones_like(ids[None]), input_features=features,
        input_features_mask=mask, max_new_tokens=steps, min_new_tokens=steps, do_sample=False, eos_token_id=None,
        pad_token_id=0, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    return written.sequences[0, len(ids) :].tolist(), torch.cat(written.logits)


def byte_characters() -> dict[int, str]:
    """Map every byte to the printable character that byte-level BPE (GPT-2) writes for it, in the order of ranks."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + index) for index, b in enumerate(others)}


@cache
def qwen_vocabulary() -> tuple[dict[str, int], list[str]]:
    """Recover Qwen2's vocabulary and merges from the 151,643 ranks that are published in the dashscope wheel.

    A token's merge is the last one that BPE makes inside it when only tokens of a lower rank may be formed.
    """
    spec = importlib.util.find_spec("dashscope")
    assert spec is not None
    assert spec.origin is not None
    lines = (Path(spec.origin).parent / "resources" / "qwen.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    characters = byte_characters()

    def spell(token: bytes) -> str:
        return "".join(characters[byte] for byte in token)

    merges = [
        " ".join(spell(part) for part in _halves(ranks, token, rank)) for token, rank in ranks.items() if len(token) > 1
    ]
    return {spell(token): rank for token, rank in ranks.items()}, merges


def _halves(ranks: dict[bytes, int], token: bytes, limit: int) -> list[bytes]:
    """Merge a token's bytes by rank until two parts are left."""
    parts = [token[index : index + 1] for index in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(parts[index] + parts[index + 1], limit) for index in range(len(parts) - 1)]
        best = min(pairs)
        assert best < limit, f"{token!r} cannot be merged from tokens of a lower rank"
        index = pairs.index(best)
        parts[index : index + 2] = [parts[index] + parts[index + 1]]
    return parts


def qwen_added_tokens() -> list[tuple[int, str, bool]]:
    """List id, spelling and kind of the tokens behind the vocabulary; those we do not know get a made-up spelling."""
    known = {
        151643: "<|endoftext|>", 151644: "<|im_start|>", 151645: "<|im_end|>", 151657: "<tool_call>",
        151658: "</tool_call>", 151665: "<tool_response>", 151666: "</tool_response>", 151667: "<think>",
        151668: "</think>", 151669: "<|audio_start|>", 151670: "<|audio_end|>", 151676: "<|audio_pad|>",
        151704: "<asr_text>", 151705: "<timestamp>",
    }  # fmt: skip
    spelled = ((index, known.get(index, f"<|reserved_{index}|>")) for index in range(151643, 151706))
    return [(index, content, content.startswith("<|")) for index, content in spelled]
