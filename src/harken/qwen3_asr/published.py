"""The shapes of the published checkpoints, for a machine on which their files are not yet.

Owns the figures of the vendor's `config.json` for the two recognisers and the forced aligner; both layouts (with and
without "-hf") hold the same weights. They are for counting bytes only: what is loaded is described by its own file. The
invariant: a name that is not published has no figures here.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.config import DecoderConfig, EncoderConfig, NetworkConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A published checkpoint.

    Attributes:
        name: on the hub, as it was asked for.
        config: the shape.
        stored_bytes: of its weight files: bfloat16, a tied head stored once more.
    """

    name: str
    config: NetworkConfig | AlignerConfig
    stored_bytes: int


def published(name: str) -> Published | None:
    """The figures of a published checkpoint by its name on the hub; None for any other."""
    found = _KNOWN.get(name.removesuffix("-hf").lower())
    return None if found is None else Published(name=name, config=found[0], stored_bytes=found[1])


def _encoder(layers: int, width: int, output: int) -> EncoderConfig:
    return EncoderConfig(
        mels=128,
        layers=layers,
        width=width,
        heads=width // 64,
        ffn=4 * width,
        channels=480,
        output=output,
        chunk_frames=100,
        window_chunks=8,
    )


def _decoder(width: int, ffn: int, *, vocabulary: int = 151_936, is_tied: bool = True) -> DecoderConfig:
    return DecoderConfig(
        vocabulary=vocabulary,
        width=width,
        ffn=ffn,
        layers=28,
        heads=16,
        kv_heads=8,
        head_dim=128,
        rope_theta=1e6,
        norm_eps=1e-6,
        max_positions=65_536,
        is_tied=is_tied,
    )


def _recogniser(encoder: EncoderConfig, decoder: DecoderConfig) -> NetworkConfig:
    return NetworkConfig(encoder=encoder, decoder=decoder, audio_token=151_676, languages=())


_ALIGNER = AlignerConfig(
    body=_recogniser(_encoder(24, 1024, 1024), _decoder(1024, 3072, vocabulary=152_064, is_tied=False)),
    timestamp_token=151_705,
    classes=5000,
    class_ms=80,
    has_bias=False,
)

_KNOWN: dict[str, tuple[NetworkConfig | AlignerConfig, int]] = {
    "qwen/qwen3-asr-1.7b": (_recogniser(_encoder(24, 1024, 2048), _decoder(2048, 6144)), 4_700_000_000),
    "qwen/qwen3-asr-0.6b": (_recogniser(_encoder(18, 896, 1024), _decoder(1024, 3072)), 1_880_000_000),
    "qwen/qwen3-forcedaligner-0.6b": (_ALIGNER, 1_840_000_000),
}
