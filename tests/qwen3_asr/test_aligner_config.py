"""Rules of harken.qwen3_asr.aligner_config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harken.errors import CheckpointError
from harken.qwen3_asr.aligner_config import parse_aligner_config, read_aligner_config
from tests.qwen3_asr import aligner_reference

PUBLISHED: dict[str, Any] = {
    "model_type": "qwen3_asr",
    "architectures": ["Qwen3ASRForConditionalGeneration"],
    "timestamp_token_id": 151705,
    "timestamp_segment_time": 80,
    "thinker_config": {
        "model_type": "qwen3_forced_aligner", "audio_token_id": 151676, "classify_num": 5000,
        "audio_config": {
            "num_mel_bins": 128, "encoder_layers": 24, "d_model": 1024, "encoder_attention_heads": 16,
            "encoder_ffn_dim": 4096, "output_dim": 1024, "downsample_hidden_size": 480, "n_window": 50,
            "n_window_infer": 800, "scale_embedding": False,
        },
        "text_config": {
            "vocab_size": 152_064, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
            "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "rms_norm_eps": 1e-6,
            "rope_theta": 1_000_000, "tie_word_embeddings": False,
        },
    },
}  # fmt: skip
"""As in Qwen/Qwen3-ForcedAligner-0.6B."""


def _changed(where: tuple[str, ...], value: object) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(PUBLISHED))
    section = content
    for key in where[:-1]:
        section = section[key]
    section[where[-1]] = value
    return content


def test_the_published_file_is_read() -> None:
    """Classes, their length and the token; what it leaves out about positions is the published code's default."""
    config = parse_aligner_config(PUBLISHED, {})
    assert (config.classes, config.class_ms, config.timestamp_token, config.has_bias) == (5000, 80, 151705, False)
    assert config.body.decoder.vocabulary == 152_064
    assert config.body.decoder.max_positions == 65_536
    assert config.body.encoder.layers == 24


def test_the_hf_layout_counts_labels_and_has_the_length_elsewhere(tmp_path: Path) -> None:
    """Transformers writes a name for every class, and the length into the processor's file."""
    folder = aligner_reference.write_hf(tmp_path, aligner_reference.random_aligner(aligner_reference.TINY))
    config = read_aligner_config(folder)
    assert (config.classes, config.class_ms, config.timestamp_token) == (400, 80, aligner_reference.TIMESTAMP_TOKEN)
    (folder / "processor_config.json").write_text('{"timestamp_segment_time": 40.0}')
    assert read_aligner_config(folder).class_ms == 40
    (folder / "processor_config.json").unlink()
    assert read_aligner_config(folder).class_ms == 80


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        (("timestamp_token_id",), None, "timestamp_token_id"),
        (("timestamp_token_id",), 152_064, "timestamp_token_id"),
        (("timestamp_segment_time",), 0, "timestamp_segment_time"),
        (("thinker_config", "classify_num"), "many", "classify_num"),
        (("thinker_config", "text_config", "head_dim"), None, "head_dim"),
        (("thinker_config", "audio_config", "activation_function"), "relu", "activation_function"),
        (("thinker_config", "model_type"), "qwen3_tts", "model_type"),
    ],
)
def test_what_is_wrong_is_named(where: tuple[str, ...], value: object, named: str) -> None:
    """A field that would silently give another network is an error."""
    with pytest.raises(CheckpointError, match=named):
        parse_aligner_config(_changed(where, value), {})


def test_without_a_number_of_classes_nothing_is_guessed() -> None:
    """Two labels are transformers' default and no aligner."""
    content = _changed(("thinker_config", "classify_num"), 1)
    del content["thinker_config"]["classify_num"]
    with pytest.raises(CheckpointError, match="num_labels"):
        parse_aligner_config(content, {})
