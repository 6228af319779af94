"""What recognising a clip costs by the model's own arithmetic, and how fast a machine could be at best. Pure.

A multiplication and its addition are two operations. Counted are the products (and the Fourier transform), which are
all but a hundredth of the work: norms, gates and activations are left out, so the limit is a little higher than any
program can get. What no program has to do is not counted either: behind the last layer's keys and values only the
prompt's last token goes on.

The time of B clips at once, at least:

    B * (features + encoder + prefill) / rate
    + sum over the further tokens of max((weights + B * cache) / bandwidth, B * decode / rate)

A step reads the decoder's weights and the head once for all clips, and each clip's keys and values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harken.qwen3_asr.clip import FFT
from harken.qwen3_asr.config import DecoderConfig, EncoderConfig, NetworkConfig
from harken.qwen3_asr.windows import after_stem, tokens_of

TOKENS_PER_S = 4
"""Of every measured clip: about as fast as people speak."""

FRAME_TOKENS = 15
"""Of the prompt, beside the sound."""

WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5}
"""Of one weight, without scales: how many of those there are is a program's choice."""

_FRAMES_PER_S = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """What is recognised: seconds of audio, and the tokens that are written for it."""

    audio_s: float
    tokens: int

    @classmethod
    def of(cls, audio_s: float) -> Clip:
        """A clip whose model writes four tokens for each second."""
        return cls(audio_s=audio_s, tokens=forced_tokens(audio_s))

    @property
    def frames(self) -> int:
        """Its mel frames."""
        return round(self.audio_s * _FRAMES_PER_S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What a machine was measured to do.

    Attributes:
        read_bytes_per_s: from memory.
        flops_per_s: operations of a large product, by what weights are kept in.
    """

    read_bytes_per_s: float
    flops_per_s: Mapping[str, float]


def forced_tokens(audio_s: float) -> int:
    """How many tokens a model that never stops by itself writes for so many seconds."""
    return math.ceil(TOKENS_PER_S * audio_s)


def features_flops(encoder: EncoderConfig, frames: int) -> float:
    """A real Fourier transform (5 / 2 n log n) and the mel filters, for each frame."""
    return frames * (2.5 * FFT * math.log2(FFT) + 2 * encoder.mels * (FFT // 2 + 1))


def encoder_flops(encoder: EncoderConfig, frames: int) -> float:
    """The convolutions over whole chunks, the layers inside their windows, and the projector."""
    high, wide = encoder.mels, encoder.chunk_frames
    chunk, inputs = 0.0, 1
    for _ in range(3):
        high, wide = (high - 1) // 2 + 1, (wide - 1) // 2 + 1
        chunk += 2 * high * wide * encoder.channels * 9 * inputs
        inputs = encoder.channels
    chunk += 2 * wide * encoder.channels * high * encoder.width
    tokens = tokens_of(frames, encoder.chunk_frames)
    full, rest = divmod(tokens, after_stem(encoder.chunk_frames) * encoder.window_chunks)
    window = after_stem(encoder.chunk_frames) * encoder.window_chunks
    attention = 4 * encoder.width * (full * window**2 + rest**2)
    products = 2 * tokens * (4 * encoder.width**2 + 2 * encoder.width * encoder.ffn)
    projector = 2 * tokens * (encoder.width**2 + encoder.width * encoder.output)
    return math.ceil(frames / encoder.chunk_frames) * chunk + encoder.layers * (products + attention) + projector


def prefill_flops(decoder: DecoderConfig, tokens: int) -> float:
    """A prompt of so many tokens through all layers, causally, and the head for its last one."""
    layer, keys = _layer_weights(decoder), _key_weights(decoder)
    attention = 4 * decoder.heads * decoder.head_dim
    whole = (decoder.layers - 1) * (2 * tokens * layer + attention * tokens * (tokens + 1) / 2)
    last = 2 * tokens * keys + 2 * (layer - keys) + attention * tokens
    return whole + last + 2 * decoder.width * decoder.vocabulary


def decode_flops(decoder: DecoderConfig, context: int) -> float:
    """One token that looks at so many."""
    attention = 4 * decoder.heads * decoder.head_dim * context
    return decoder.layers * (2 * _layer_weights(decoder) + attention) + 2 * decoder.width * decoder.vocabulary


def step_bytes(decoder: DecoderConfig, kind: str) -> float:
    """The weights that a step reads once for all clips: all layers and the head."""
    weights = decoder.layers * _layer_weights(decoder) + decoder.width * decoder.vocabulary
    return weights * WEIGHT_BYTES[kind]


def cache_bytes(decoder: DecoderConfig, context: int, kind: str) -> float:
    """The keys and values of so many tokens of one clip: float32 beside float32 weights, else bfloat16."""
    return context * decoder.layers * 2 * decoder.kv_heads * decoder.head_dim * (4.0 if kind == "float32" else 2.0)


def limit_rtfx(config: NetworkConfig, clip: Clip, at_a_time: int, kind: str, machine: Machine) -> float:
    """The most audio-seconds per second that a machine could recognise.

    Args:
        config: the model's.
        clip: of which so many are recognised together.
        at_a_time: how many.
        kind: what the weights are kept in.
        machine: what it was measured to do.
    """
    rate, decoder = machine.flops_per_s[kind], config.decoder
    prompt = tokens_of(clip.frames, config.encoder.chunk_frames) + FRAME_TOKENS
    first = (
        features_flops(config.encoder, clip.frames)
        + encoder_flops(config.encoder, clip.frames)
        + prefill_flops(decoder, prompt)
    )
    weights, seconds = step_bytes(decoder, kind), at_a_time * first / rate
    for context in range(prompt + 1, prompt + clip.tokens):
        reading = (weights + at_a_time * cache_bytes(decoder, context, kind)) / machine.read_bytes_per_s
        seconds += max(reading, at_a_time * decode_flops(decoder, context) / rate)
    return at_a_time * clip.audio_s / seconds


def _layer_weights(decoder: DecoderConfig) -> int:
    """Of one layer's products."""
    inner = decoder.heads * decoder.head_dim
    return 2 * decoder.width * inner + _key_weights(decoder) + 3 * decoder.width * decoder.ffn


def _key_weights(decoder: DecoderConfig) -> int:
    """Of one layer's keys and values."""
    return 2 * decoder.width * decoder.kv_heads * decoder.head_dim
