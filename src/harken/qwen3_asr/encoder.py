"""The audio encoder: log-mel features of many clips in, one embedding per 77 ms out.

Design. Chunks of 1 s go through three convolutions, each chunk alone, with positions that restart in every chunk; then
transformer layers whose attention stays inside windows of 8 s (qwen3-asr facts, section 1.5). Since nothing crosses a
window, one call packs the windows of many clips into one sequence, full windows first: every matrix product runs over
all tokens at once, and attention over two groups, the full windows (no mask needed) and the shorter tails (padded to
the longest, with the padding masked). The invariant: a clip's output does not depend on what it is packed with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harken.qwen3_asr.config import EncoderConfig
from harken.qwen3_asr.windows import Plan, after_stem, plan_windows

STEM_BATCH = 64
"""Chunks that go through the convolutions at once: bounds their activations (about 0.4 GB in float32)."""

STEM_BATCH_CPU = 4
"""The same on a CPU, where memory that is given back after each call and touched anew costs more than the sums."""


class AudioEncoder(nn.Module):
    """The convolution stem, the transformer layers and the last normalisation."""

    positions: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.conv2d1 = nn.Conv2d(1, config.channels, 3, stride=2, padding=1)
        self.conv2d2 = nn.Conv2d(config.channels, config.channels, 3, stride=2, padding=1)
        self.conv2d3 = nn.Conv2d(config.channels, config.channels, 3, stride=2, padding=1)
        self.conv_out = nn.Linear(config.channels * after_stem(config.mels), config.width, bias=False)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.ln_post = nn.LayerNorm(config.width)
        positions = sinusoids(after_stem(config.chunk_frames), config.width)
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, clips: Sequence[Tensor]) -> list[Tensor]:
        """Encode clips, all in one pass.

        Args:
            clips: [mels, frames] each, on the device and in the dtype of the weights.

        Returns:
            [tokens_of(frames), width] each, in the same order.
        """
        plan = plan_windows(
            [clip.shape[-1] for clip in clips],
            chunk_frames=self.config.chunk_frames,
            window_chunks=self.config.window_chunks,
        )
        tokens = self.stem(clips, plan)
        hidden = torch.cat([tokens[span.start : span.end] for span in (*plan.full, *plan.tails)])
        windows = Windows.of(plan, hidden.device)
        for layer in self.layers:
            hidden = layer(hidden, windows)
        return _by_clip(self.ln_post(hidden), plan)

    def stem(self, clips: Sequence[Tensor], plan: Plan) -> Tensor:
        """Turn clips into tokens, chunk by chunk; the last chunk of a clip is padded with zeros after its end.

        Returns:
            [all chunks * tokens per chunk, width], the tokens of the padding included.
        """
        size = self.config.chunk_frames
        padded = [
            functional.pad(clip, (0, count * size - clip.shape[-1]))
            for clip, count in zip(clips, plan.chunks, strict=True)
        ]
        joined = torch.cat(padded, dim=-1)
        chunks = joined.view(len(joined), -1, size).transpose(0, 1).unsqueeze(1)
        return torch.cat(
            [
                self._convolve(part)
                for part in torch.split(chunks, STEM_BATCH_CPU if chunks.device.type == "cpu" else STEM_BATCH)
            ]
        ).flatten(0, 1)

    def _convolve(self, chunks: Tensor) -> Tensor:
        """Convolve [n, 1, mels, chunk_frames] into [n, tokens per chunk, width]."""
        hidden = functional.gelu(self.conv2d1(chunks))
        hidden = functional.gelu(self.conv2d2(hidden))
        hidden = functional.gelu(self.conv2d3(hidden))
        # Time becomes the sequence; a token's channels are ordered by channel, then by frequency.
        hidden = self.conv_out(hidden.permute(0, 3, 1, 2).flatten(2))
        return torch.add(hidden, self.positions.to(hidden.dtype))


class EncoderLayer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.self_attn = WindowAttention(config)
        self.self_attn_layer_norm = nn.LayerNorm(config.width)
        self.fc1 = nn.Linear(config.width, config.ffn)
        self.fc2 = nn.Linear(config.ffn, config.width)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, hidden: Tensor, windows: Windows) -> Tensor:
        """Map [tokens, width] to the same shape."""
        hidden = hidden + self.self_attn(self.self_attn_layer_norm(hidden), windows)
        hidden = hidden + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(hidden))))
        if hidden.dtype == torch.float16:
            # The trained activations touch the limit of float16; the reference clamps in the same place.
            limit = torch.finfo(torch.float16).max - 1000
            hidden = hidden.clamp(-limit, limit)
        return hidden


class WindowAttention(nn.Module):
    """Attention in both directions inside each window, and never across."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q_proj = nn.Linear(config.width, config.width)
        self.k_proj = nn.Linear(config.width, config.width)
        self.v_proj = nn.Linear(config.width, config.width)
        self.out_proj = nn.Linear(config.width, config.width)

    def forward(self, hidden: Tensor, windows: Windows) -> Tensor:
        """Map [tokens, width] to the same shape."""
        projections = (self.q_proj, self.k_proj, self.v_proj)
        query, key, value = (project(hidden).unflatten(-1, (self.heads, -1)) for project in projections)
        parts = []
        if windows.full_tokens:
            full = [windows.gather_full(x) for x in (query, key, value)]
            parts.append(_attend(*full, mask=None).flatten(0, 1))
        if windows.has_tails:
            tails = [x[windows.tail_index] for x in (query, key, value)]
            parts.append(_attend(*tails, mask=windows.tail_mask).flatten(0, 1)[windows.tail_rows])
        mixed: Tensor = self.out_proj(torch.cat(parts).flatten(1))
        return mixed


def _attend(query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None) -> Tensor:
    """Attend inside each of n windows: [n, tokens, heads, head_dim] each, the mask true for keys that exist."""
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """A plan as tensors: made once per call, used by every layer.

    Attributes:
        width: tokens of a full window.
        full_tokens: the first so many tokens of the packed sequence are full windows, one after another.
        tail_index: [tails, longest] where each token of each tail lies in the packed sequence. Padding points at the
            tail's own last token: a masked value still meets its weight of 0, and 0 x NaN of a stranger is NaN.
        tail_mask: [tails, 1, 1, longest] true where there is a token.
        tail_rows: [tail tokens] where they lie in the flattened `tail_index`.
    """

    width: int
    full_tokens: int
    tail_index: Tensor
    tail_mask: Tensor
    tail_rows: Tensor

    @classmethod
    def of(cls, plan: Plan, device: torch.device) -> Windows:
        """Prepare the indices on the CPU and move them at once, so that no layer waits for the device."""
        lengths = torch.tensor(plan.tail_lengths, dtype=torch.long)[:, None]
        places = torch.arange(max(plan.tail_lengths, default=0))
        starts = plan.full_tokens + lengths.cumsum(0) - lengths
        exists = places < lengths
        return cls(
            width=plan.width,
            full_tokens=plan.full_tokens,
            tail_index=(starts + torch.minimum(places, lengths - 1)).to(device),
            tail_mask=exists[:, None, None, :].to(device),
            tail_rows=exists.flatten().nonzero().flatten().to(device),
        )

    @property
    def has_tails(self) -> bool:
        """Whether any clip ends in a shorter window."""
        return self.tail_index.shape[0] > 0

    def gather_full(self, packed: Tensor) -> Tensor:
        """View the full windows of [tokens, …] as [windows, width, …]."""
        return packed[: self.full_tokens].view(-1, self.width, *packed.shape[1:])


def _by_clip(packed: Tensor, plan: Plan) -> list[Tensor]:
    """Give every clip its tokens back: those of its full windows, then its tail."""
    lengths = [span.end - span.start for span in (*plan.full, *plan.tails)]
    pieces = torch.split(packed, lengths)
    count = len(plan.chunks)
    return [torch.cat([full, tail]) for full, tail in zip(pieces[:count], pieces[count:], strict=True)]


def sinusoids(length: int, width: int) -> Tensor:
    """Tabulate the positions of Whisper: all sines, then all cosines, of geometrically falling frequencies.

    Returns:
        [length, width] float32, on the CPU even while a module is being built on the meta device.
    """
    half = width // 2
    step = math.log(10_000) / (half - 1)
    frequencies = torch.exp(-step * torch.arange(half, dtype=torch.float32, device="cpu"))
    angles = torch.arange(length, dtype=torch.float32, device="cpu")[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
