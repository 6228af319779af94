"""The audio encoder over packed weights: what `harken.qwen3_asr.encoder` computes, convolutions and all.

Owns the order of the kernels. A window's tokens attend to that window; where it begins and ends is told row by row, so
full windows and shorter ones need no different treatment. The invariant: a token depends on its own window alone, to
the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.encoder import AudioEncoder, EncoderLayer
from harken.qwen3_asr.native.library import check, kernels
from harken.qwen3_asr.native.linear import PackedConvolution, PackedLinear
from harken.qwen3_asr.network import Projector
from harken.qwen3_asr.windows import after_stem, tokens_of

_STEM_BATCH = 2
"""Chunks that go through the convolutions at once: what lies between the first two (6 MB each) stays in the caches."""


class NativeEncoder(nn.Module):
    """Takes the place of an `AudioEncoder`, and its weights with it."""

    def __init__(self, plain: AudioEncoder, kind: str) -> None:
        super().__init__()
        config = self.config = plain.config
        size = (config.mels, config.chunk_frames)
        self._stem: list[PackedConvolution] = []
        for convolution in (plain.conv2d1, plain.conv2d2, plain.conv2d3):
            packed = PackedConvolution(
                convolution.weight,
                # Nine inputs are no work, and a group of codes would be padding for the most part.
                "bfloat16" if convolution is plain.conv2d1 else kind,
                size=size,
                stride=(2, 2),
                padding=1,
                bias=convolution.bias,
                gelu=True,
            )
            self._stem.append(packed)
            size = packed.places
        # What is left of the mel bands is one token; its weights are ordered by channel, then by band.
        by_band = plain.conv_out.weight.view(config.width, config.channels, size[0], 1)
        self._out = PackedConvolution(by_band, kind, size=size, stride=(1, 1), add=True)
        self._positions = plain.positions
        self._layers: list[NativeEncoderLayer] = []
        while len(plain.layers):
            self._layers.append(NativeEncoderLayer(cast("EncoderLayer", plain.layers[0]), kind))
            del plain.layers[0]
        self.ln_post = plain.ln_post.float()

    def forward(self, clips: Sequence[Tensor]) -> list[Tensor]:
        """See `AudioEncoder.forward`."""
        frames = [clip.shape[-1] for clip in clips]
        lengths = [tokens_of(count, self.config.chunk_frames) for count in frames]
        hidden = torch.cat([self._tokens(clip)[:length] for clip, length in zip(clips, lengths, strict=True)])
        rows, width = hidden.shape
        starts, ends = window_bounds(lengths, after_stem(self.config.chunk_frames) * self.config.window_chunks)
        longest = int((ends - starts).max())
        qkv, mixed, wide = (torch.empty(rows, size) for size in (3 * width, width, self.config.ffn))
        heads = self.config.heads
        for layer in self._layers:
            layer.qkv(hidden, qkv)
            check(
                kernels().harken_attend_windows(
                    qkv.data_ptr(), rows, heads, width // heads, starts.data_ptr(), ends.data_ptr(), longest,
                    mixed.data_ptr(),
                )
            )  # fmt: skip
            layer.out(mixed, hidden)
            layer.fc1(hidden, wide)
            layer.fc2(wide, hidden)
        normed: Tensor = self.ln_post(hidden)
        return list(torch.split(normed, lengths))

    def _tokens(self, clip: Tensor) -> Tensor:
        """Turn one clip, [mels, frames], into the tokens of its chunks, [chunks * tokens per chunk, width]."""
        size = self.config.chunk_frames
        padded = functional.pad(clip, (0, -clip.shape[-1] % size))
        chunks = padded.view(len(padded), -1, size).transpose(0, 1).contiguous()
        parts = []
        for part in torch.split(chunks, _STEM_BATCH):
            hidden = part
            for convolution in self._stem:
                hidden = convolution(hidden).view(len(part), *convolution.places, -1)
            parts.append(self._out(hidden, self._positions.repeat(len(part), 1)))
        return torch.cat(parts)


class NativeEncoderLayer:
    """The four products of an `EncoderLayer`, each with what stands before and behind it."""

    def __init__(self, plain: EncoderLayer, kind: str) -> None:
        attention = plain.self_attn
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        self.qkv = PackedLinear(
            [part.weight for part in parts],
            kind,
            biases=[part.bias for part in parts],
            norm=plain.self_attn_layer_norm,
        )
        self.out = PackedLinear([attention.out_proj.weight], kind, biases=[attention.out_proj.bias], add=True)
        self.fc1 = PackedLinear(
            [plain.fc1.weight], kind, biases=[plain.fc1.bias], norm=plain.final_layer_norm, gelu=True
        )
        self.fc2 = PackedLinear([plain.fc2.weight], kind, biases=[plain.fc2.bias], add=True)


class NativeProjector(nn.Module):
    """Takes the place of a `Projector`."""

    def __init__(self, plain: Projector, kind: str) -> None:
        super().__init__()
        first, second = plain.linear_1, plain.linear_2
        self.linear_1 = PackedLinear([first.weight], kind, biases=[first.bias], gelu=True)
        self.linear_2 = PackedLinear([second.weight], kind, biases=[second.bias])

    def forward(self, tokens: Tensor) -> Tensor:
        """See `Projector.forward`."""
        projected: Tensor = self.linear_2(self.linear_1(tokens.contiguous()))
        return projected


def window_bounds(lengths: Sequence[int], width: int) -> tuple[Tensor, Tensor]:
    """Where the window of every token begins and ends, [tokens of all clips] int32 each."""
    starts, ends = [], []
    clip = 0
    for length in lengths:
        places = torch.arange(length)
        starts.append(clip + places // width * width)
        ends.append(clip + (places // width * width + width).clamp(max=length))
        clip += length
    return torch.cat(starts).int(), torch.cat(ends).int()
