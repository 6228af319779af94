"""The shape of a Qwen3-ASR network, read from `config.json`.

Owns the two published layouts of that file: the original one, nested under `thinker_config`, and the flat `-hf` one
of transformers. Both become the same frozen objects, so nothing further on knows that there are two. It refuses to
guess: a field that shapes the network has no default here, and an architecture that the code does not compute
(another activation, scaled positions, a sliding window) is an error that names the field. A forced aligner has the same
body under another head (`aligner_config`); it is told from a recogniser, so that neither is loaded as the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harken.errors import CheckpointError
from harken.qwen3_asr.fields import Json, count, expect, number, read_json, section

_ALIGNER = "qwen3_forced_aligner"


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

    @property
    def window_frames(self) -> int:
        """Mel frames of a full window (800 = 8 s)."""
        return self.chunk_frames * self.window_chunks


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
    """Read a recogniser's `config.json` of either published layout.

    Raises:
        CheckpointError: the file is missing, is not JSON, or describes something else: what this package does not
            compute, or a forced aligner.
    """
    return parse_config(read_json(folder / "config.json"))


def parse_config(content: Json) -> NetworkConfig:
    """Turn the content of a `config.json` into a checked `NetworkConfig` (pure; errors as `read_config`)."""
    if is_aligner(content):
        raise CheckpointError(
            "This checkpoint is a forced aligner: it times words and recognises none. "
            "Name it with --aligner, and a speech recogniser with --model."
        )
    return parse_body(content)


def is_aligner(content: Json) -> bool:
    """Tell a forced aligner's `config.json` from a recogniser's."""
    root = root_of(content)
    heads = content.get("architectures")
    is_named = any("ForTokenClassification" in str(head) for head in (heads if isinstance(heads, list) else []))
    return is_named or "classify_num" in root or _ALIGNER in (content.get("model_type"), root.get("model_type"))


def root_of(content: Json) -> Json:
    """Return the part that describes the network: the original layout wraps it in `thinker_config`."""
    return section(content, "thinker_config") if content.get("thinker_config") is not None else content


def parse_body(content: Json, unsaid: Json | None = None) -> NetworkConfig:
    """Check and return what recognisers and forced aligners have in common (pure; errors as `read_config`).

    Args:
        content: of `config.json`.
        unsaid: fields of the decoder for a file that leaves them out.
    """
    root = root_of(content)
    is_flat = root is content
    where = "config.json" if is_flat else "thinker_config"
    for part, name in ((content, "config.json"), (root, where)):
        if part.get("model_type") != _ALIGNER:
            expect(part, "model_type", "qwen3_asr", where=name)
    text = {**(unsaid or {}), **section(root, "text_config")}
    config = NetworkConfig(
        encoder=_encoder(section(root, "audio_config")),
        decoder=_decoder(text, is_tied=bool((root if is_flat else text).get("tie_word_embeddings", True))),
        audio_token=count(root, "audio_token_id", where),
        languages=_languages(content.get("support_languages", [])),
    )
    _check(config)
    return config


def _encoder(audio: Json) -> EncoderConfig:
    where = "audio_config"
    expect(audio, "activation_function", "gelu", where=where, default="gelu")
    expect(audio, "scale_embedding", False, where=where, default=False)
    chunk = 2 * count(audio, "n_window", where)
    window = count(audio, "n_window_infer", where)
    if window % chunk:
        raise CheckpointError(f"audio_config: n_window_infer {window} is not a multiple of 2 * n_window = {chunk}.")
    return EncoderConfig(
        mels=count(audio, "num_mel_bins", where),
        layers=count(audio, "encoder_layers", where),
        width=count(audio, "d_model", where),
        heads=count(audio, "encoder_attention_heads", where),
        ffn=count(audio, "encoder_ffn_dim", where),
        channels=count(audio, "downsample_hidden_size", where),
        output=count(audio, "output_dim", where),
        chunk_frames=chunk,
        window_chunks=window // chunk,
    )


def _decoder(text: Json, *, is_tied: bool) -> DecoderConfig:
    where = "text_config"
    expect(text, "hidden_act", "silu", where=where, default="silu")
    expect(text, "attention_bias", False, where=where, default=False)
    expect(text, "use_sliding_window", False, where=where, default=False)
    return DecoderConfig(
        vocabulary=count(text, "vocab_size", where),
        width=count(text, "hidden_size", where),
        ffn=count(text, "intermediate_size", where),
        layers=count(text, "num_hidden_layers", where),
        heads=count(text, "num_attention_heads", where),
        kv_heads=count(text, "num_key_value_heads", where),
        head_dim=count(text, "head_dim", where),
        rope_theta=_rope_theta(text),
        norm_eps=float(number(text, "rms_norm_eps", where)),
        max_positions=count(text, "max_position_embeddings", where),
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
    return float(number(holder, "rope_theta", "text_config"))


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


def _languages(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise CheckpointError("config.json: support_languages must be a list of names.")
    return tuple(found)
