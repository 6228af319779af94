"""config.json of both layouts becomes one thing, or an error that names the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harken.errors import CheckpointError
from harken.qwen3_asr.config import DecoderConfig, EncoderConfig, NetworkConfig, parse_config, read_config
from tests.qwen3_asr import reference

PUBLISHED: dict[str, Any] = {
    "architectures": ["Qwen3ASRForConditionalGeneration"],
    "model_type": "qwen3_asr",
    "support_languages": ["Chinese", "English"],
    "thinker_config": {
        "model_type": "qwen3_asr",
        "audio_token_id": 151676,
        "audio_config": {
            "num_mel_bins": 128, "d_model": 1024, "encoder_layers": 24, "encoder_attention_heads": 16,
            "encoder_ffn_dim": 4096, "output_dim": 2048, "downsample_hidden_size": 480, "n_window": 50,
            "n_window_infer": 800, "conv_chunksize": 500, "max_source_positions": 1500,
            "activation_function": "gelu", "scale_embedding": False,
        },
        "text_config": {
            "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16,
            "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "rms_norm_eps": 1e-6,
            "rope_theta": 1000000, "max_position_embeddings": 65536, "tie_word_embeddings": True,
            "attention_bias": False, "hidden_act": "silu",
            "rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 20], "mrope_interleaved": True},
        },
    },
}  # fmt: skip


def changed(section: str, key: str, value: object) -> dict[str, Any]:
    """Return the published configuration with one field changed."""
    content: dict[str, Any] = json.loads(json.dumps(PUBLISHED))
    (content["thinker_config"][section] if section else content["thinker_config"])[key] = value
    return content


def test_the_published_configuration_is_read_field_by_field() -> None:
    """Every number of Qwen3-ASR-1.7B arrives where the network looks for it."""
    assert parse_config(PUBLISHED) == NetworkConfig(
        encoder=EncoderConfig(
            mels=128, layers=24, width=1024, heads=16, ffn=4096, channels=480, output=2048, chunk_frames=100,
            window_chunks=8,
        ),
        decoder=DecoderConfig(
            vocabulary=151936, width=2048, ffn=6144, layers=28, heads=16, kv_heads=8, head_dim=128, rope_theta=1e6,
            norm_eps=1e-6, max_positions=65536, is_tied=True,
        ),
        audio_token=151676,
        languages=("Chinese", "English"),
    )  # fmt: skip


def test_both_layouts_of_one_checkpoint_say_the_same(hf_folder: Path, original_folder: Path) -> None:
    """The flat and the nested file lead to the same network."""
    flat, nested = read_config(hf_folder), read_config(original_folder)
    assert (flat.encoder, flat.decoder, flat.audio_token) == (nested.encoder, nested.decoder, nested.audio_token)


@pytest.mark.parametrize(
    ("section", "key", "value", "named"),
    [
        ("", "model_type", "qwen3_forced_aligner", "is a forced aligner"),
        ("", "audio_token_id", 151936, "audio_token_id"),
        ("audio_config", "d_model", None, "d_model"),
        ("audio_config", "d_model", 1023, "d_model"),
        ("audio_config", "d_model", "1024", "d_model"),
        ("audio_config", "encoder_layers", 2.5, "encoder_layers"),
        ("audio_config", "n_window_infer", 850, "n_window_infer"),
        ("audio_config", "activation_function", "relu", "activation_function"),
        ("audio_config", "scale_embedding", True, "scale_embedding"),
        ("audio_config", "output_dim", 1024, "output_dim"),
        ("text_config", "rope_theta", -1, "rope_theta"),
        ("text_config", "rope_scaling", {"rope_type": "yarn"}, "yarn"),
        ("text_config", "hidden_act", "gelu", "hidden_act"),
        ("text_config", "attention_bias", True, "attention_bias"),
        ("text_config", "num_key_value_heads", 5, "num_key_value_heads"),
        ("text_config", "num_hidden_layers", True, "num_hidden_layers"),
        ("text_config", "use_sliding_window", True, "use_sliding_window"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(section: str, key: str, value: object, named: str) -> None:
    """A field that would silently give another network is an error that names it."""
    with pytest.raises(CheckpointError, match=named):
        parse_config(changed(section, key, value))


@pytest.mark.parametrize("key", sorted(reference.TINY["text_config"].keys() - {"model_type", "tie_word_embeddings"}))
def test_a_missing_number_of_the_decoder_is_not_guessed(key: str, hf_folder: Path) -> None:
    """The class defaults of other programs are not the published values, so there are no defaults here."""
    content = json.loads((hf_folder / "config.json").read_text())
    del content["text_config"][key]
    with pytest.raises(CheckpointError, match="rope_theta" if key == "rope_parameters" else key):
        parse_config(content)


@pytest.mark.parametrize(
    "content", [{"model_type": "whisper"}, {}, {"model_type": "qwen3_asr"}, {**PUBLISHED, "thinker_config": 3}]
)
def test_another_kind_of_model_is_refused(content: dict[str, Any]) -> None:
    """A configuration without the sections of this family is an error."""
    with pytest.raises(CheckpointError):
        parse_config(content)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_broken_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """A file that is no JSON object is named."""
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_config(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder without config.json is no checkpoint."""
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_config(tmp_path)
