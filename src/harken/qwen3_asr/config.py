"""The shape of a Qwen3-ASR network, read from `config.json`.

Owns the two published layouts of that file: the original one, nested under `thinker_config`, and the flat `-hf` one
of transformers. Both become the same frozen objects, so nothing further on knows that there are two. It refuses to
guess: a field that shapes the network has no default here, and an architecture that the code does not compute
(another activation, scaled positions, a sliding window, a forced aligner) is an error that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harken.errors import CheckpointError

Json = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The audio encoder: convolutions over 1 s chunks, then attention inside windows of several chunks.

    Attributes:
        mels: mel bands of the features.
        layers: transformer layers.
        width: channels of a token.
        heads: attention heads.
        ffn: channels of the feed-forward layer.
        channels: channels of the convolution stem.
        output: channels after the projector; equals the decoder's width.
        chunk_frames: mel frames per chunk (100 = 1 s).
        window_chunks: chunks that attend to one another (8 = 8 s).
    """

    mels: int
    layers: int
    width: int
    heads: int
    ffn: int
    channels: int
    output: int
    chunk_frames: int
    window_chunks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """The text decoder, a stock Qwen3.

    Attributes:
        vocabulary: rows of the embedding table.
        width: channels of a token.
        ffn: channels of the gated feed-forward layer.
        layers: transformer layers.
        heads: query heads.
        kv_heads: key and value heads, each shared by `heads // kv_heads` query heads.
        head_dim: channels of one head.
        rope_theta: base of the rotary positions.
        norm_eps: epsilon of every RMSNorm.
        max_positions: longest sequence, in tokens.
        is_tied: the output head is the embedding table, unless the checkpoint stores a head of its own.
    """

    vocabulary: int
    width: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    rope_theta: float
    norm_eps: float
    max_positions: int
    is_tied: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """Everything that shapes the network.

    Attributes:
        encoder: the audio side.
        decoder: the text side.
        audio_token: id of the placeholder that encoder outputs replace.
        languages: names the checkpoint says it supports; empty where it does not say.
    """

    encoder: EncoderConfig
    decoder: DecoderConfig
    audio_token: int
    languages: tuple[str, ...]


def read_config(folder: Path) -> NetworkConfig:
    """Read `config.json` of either published layout.

    Raises:
        CheckpointError: the file is missing, is not JSON, or describes something this package does not compute.
    """
    return parse_config(read_json(folder / "config.json"))


def read_json(path: Path) -> Json:
    """Read a JSON file that must hold an object.

    Raises:
        CheckpointError: it is missing, unreadable, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path.name} of the checkpoint in {path.parent} cannot be read: {error}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} must hold a JSON object.")
    return content


def parse_config(content: Json) -> NetworkConfig:
    """Turn the content of a `config.json` into a checked `NetworkConfig` (pure; errors as `read_config`)."""
    _expect(content, "model_type", "qwen3_asr", where="config.json")
    nested = content.get("thinker_config")
    root = _section(content, "thinker_config") if nested is not None else content
    where = "thinker_config" if nested is not None else "config.json"
    _expect(root, "model_type", "qwen3_asr", where=where)
    text = _section(root, "text_config")
    tied = text.get("tie_word_embeddings", True) if nested is not None else root.get("tie_word_embeddings", True)
    config = NetworkConfig(
        encoder=_encoder(_section(root, "audio_config")),
        decoder=_decoder(text, is_tied=bool(tied)),
        audio_token=_count(root, "audio_token_id", where),
        languages=_languages(content.get("support_languages", [])),
    )
    _check(config)
    return config


def _encoder(audio: Json) -> EncoderConfig:
    where = "audio_config"
    _expect(audio, "activation_function", "gelu", where=where, default="gelu")
    _expect(audio, "scale_embedding", False, where=where, default=False)
    chunk = 2 * _count(audio, "n_window", where)
    window = _count(audio, "n_window_infer", where)
    if window % chunk:
        raise CheckpointError(f"audio_config: n_window_infer {window} is not a multiple of 2 * n_window = {chunk}.")
    return EncoderConfig(
        mels=_count(audio, "num_mel_bins", where),
        layers=_count(audio, "encoder_layers", where),
        width=_count(audio, "d_model", where),
        heads=_count(audio, "encoder_attention_heads", where),
        ffn=_count(audio, "encoder_ffn_dim", where),
        channels=_count(audio, "downsample_hidden_size", where),
        output=_count(audio, "output_dim", where),
        chunk_frames=chunk,
        window_chunks=window // chunk,
    )


def _decoder(text: Json, *, is_tied: bool) -> DecoderConfig:
    where = "text_config"
    _expect(text, "hidden_act", "silu", where=where, default="silu")
    _expect(text, "attention_bias", False, where=where, default=False)
    _expect(text, "use_sliding_window", False, where=where, default=False)
    return DecoderConfig(
        vocabulary=_count(text, "vocab_size", where),
        width=_count(text, "hidden_size", where),
        ffn=_count(text, "intermediate_size", where),
        layers=_count(text, "num_hidden_layers", where),
        heads=_count(text, "num_attention_heads", where),
        kv_heads=_count(text, "num_key_value_heads", where),
        head_dim=_count(text, "head_dim", where),
        rope_theta=_rope_theta(text),
        norm_eps=float(_number(text, "rms_norm_eps", where)),
        max_positions=_count(text, "max_position_embeddings", where),
        is_tied=is_tied,
    )


def _rope_theta(text: Json) -> float:
    """Find the base; refuse every scaled kind of rotary positions.

    The original files name a multi-axis kind ("mrope"), but speech has one axis: all three are equal, which is the
    ordinary kind.
    """
    newer, older = text.get("rope_parameters"), text.get("rope_scaling")
    details = newer if isinstance(newer, Mapping) else older if isinstance(older, Mapping) else {}
    for key in ("rope_type", "type"):
        if details.get(key, "default") not in ("default", "mrope"):
            raise CheckpointError(f"text_config: rotary positions of type {details[key]!r} are not supported.")
    holder = details if "rope_theta" in details else text
    return float(_number(holder, "rope_theta", "text_config"))


def _check(config: NetworkConfig) -> None:
    encoder, decoder = config.encoder, config.decoder
    if encoder.width % encoder.heads or encoder.width % 2:
        raise CheckpointError(f"audio_config: {encoder.heads} heads do not divide d_model {encoder.width} evenly.")
    if decoder.heads % decoder.kv_heads or decoder.head_dim % 2:
        raise CheckpointError("text_config: num_key_value_heads must divide num_attention_heads; head_dim be even.")
    if encoder.output != decoder.width:
        raise CheckpointError(f"output_dim {encoder.output} of the encoder is not hidden_size {decoder.width}.")
    if not 0 <= config.audio_token < decoder.vocabulary:
        raise CheckpointError(f"audio_token_id {config.audio_token} lies outside of vocab_size {decoder.vocabulary}.")


def _section(content: Json, key: str) -> Json:
    section = content.get(key)
    if not isinstance(section, Mapping):
        raise CheckpointError(f"config.json has no section {key!r}.")
    return section


def _expect(content: Json, key: str, wanted: object, *, where: str, default: object = None) -> None:
    found = content.get(key, default)
    if found != wanted:
        raise CheckpointError(f"{where}: {key} is {found!r}; this program computes {wanted!r} only.")


def _number(content: Json, key: str, where: str) -> float:
    found = content.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < float("inf"):
        raise CheckpointError(f"{where}: {key} must be a positive number, not {found!r}.")
    return found


def _count(content: Json, key: str, where: str) -> int:
    found = _number(content, key, where)
    if found != int(found):
        raise CheckpointError(f"{where}: {key} must be a whole number, not {found!r}.")
    return int(found)


def _languages(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise CheckpointError("config.json: support_languages must be a list of names.")
    return tuple(found)
