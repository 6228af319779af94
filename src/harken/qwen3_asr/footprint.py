"""How many bytes one instance takes, by its model's `config.json` and its settings alone. Pure, without torch.

Follows what is really held: `native/` (packed weights of a CPU), `cuda/` (fused and rounded weights of a GPU), `cache`
(a slot's keys and values). Weights and slots are exact, and tests hold them against the real tensors. What is computed
on the way (`work_bytes`) and the highest point of loading are bounds made by reasoning and, on a CPU, by measuring;
on a GPU nobody has measured them. The doctor, the autoscaler's ceiling and the roll's refusal count with these figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.config import NetworkConfig
from harken.qwen3_asr.held import Held, held_as, held_bytes, loading_bytes
from harken.qwen3_asr.products import weights_of
from harken.qwen3_asr.windows import after_stem, tokens_of

MIB = 1024**2

FRAME_TOKENS = 15
"""The chat template around the sound, as the published vocabulary writes it."""

CONTEXT_TOKENS = 512
"""Room for a client's context: `harken.engine.stepper` has the same figure, and a test compares."""

CUDA_CONTEXT_BYTES = 512 * MIB
"""What a process holds of a GPU before it has computed anything: 300 to 500 MiB by NVIDIA's documentation."""

GRAPHS_BYTES = 512 * MIB
"""Recorded steps and the libraries' work spaces: `harken.qwen3_asr.memory` keeps as much free."""

PROCESS_BYTES = 450 * MIB
"""RAM of an instance beside its weights: Python, torch and its libraries, read from disk (half of it) or made."""

_PREFILL_SEGMENTS = 4
_STEM_CHUNKS = {"cpu": 4, "gpu": 64}


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """What one instance takes of its device's memory: of RAM on a CPU, of the GPU's on a GPU.

    Attributes:
        parameters: of the model, a tied head counted once.
        weights_bytes: of the model, as they are held.
        aligner_bytes: of the aligner's weights; 0 without one.
        slot_bytes: keys and values of one slot.
        work_bytes: all else, while it serves: what is computed on the way, caches, the process itself.
        loading_bytes: the highest point while it loads, with no slot yet.
        is_builtin: the shape is a built-in figure of a published checkpoint, and was not read from its files.
    """

    parameters: int
    weights_bytes: int
    aligner_bytes: int
    slot_bytes: int
    work_bytes: int
    loading_bytes: int
    is_builtin: bool = False

    def total_bytes(self, slots: int) -> int:
        """What it takes with so many slots, once it serves."""
        return self.weights_bytes + self.aligner_bytes + self.work_bytes + slots * self.slot_bytes

    def peak_bytes(self, slots: int) -> int:
        """What must be free for it to start with so many slots."""
        return max(self.loading_bytes, self.total_bytes(slots))


def footprint(
    config: NetworkConfig,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    quantize: str = "none",
    can_pack: bool = True,
    is_bfloat16: bool = True,
    max_segment_s: float = 30.0,
    encoder_cache_bytes: int = 64 * MIB,
    aligner: AlignerConfig | None = None,
    is_builtin: bool = False,
) -> Footprint:
    """Count what one instance takes.

    Args:
        config: the model's shape.
        device: "cpu", "cuda", "cuda:1", "mps".
        dtype: as in the configuration.
        quantize: as in the configuration.
        can_pack: whether the machine has the CPU's kernels.
        is_bfloat16: whether the checkpoint is stored in bfloat16.
        max_segment_s: its longest segment, in seconds.
        encoder_cache_bytes: as in the configuration.
        aligner: the aligner's shape, where one is loaded.
        is_builtin: what the answer will say of itself.
    """
    is_cpu = device == "cpu"
    held = held_as(device, dtype, quantize, can_pack=can_pack, is_bfloat16=is_bfloat16)
    weights = weights_of(config)
    own, loading = held_bytes(weights, held), loading_bytes(weights, held, is_cpu=is_cpu, is_bfloat16=is_bfloat16)
    base = PROCESS_BYTES if is_cpu else CUDA_CONTEXT_BYTES
    aligned = 0
    if aligner is not None:
        plain = held_as(device, dtype, "none", can_pack=can_pack, is_bfloat16=is_bfloat16)
        aligned = held_bytes(weights_of(aligner), plain)
    work = base + encoder_cache_bytes + (0 if is_cpu else GRAPHS_BYTES)
    for shape in (config, aligner.body if aligner is not None else None):
        if shape is not None:
            work += _activation_bytes(shape, held, max_segment_s=max_segment_s, is_cpu=is_cpu)
    text = config.decoder
    return Footprint(
        parameters=weights.parameters,
        weights_bytes=own,
        aligner_bytes=aligned,
        slot_bytes=2 * text.layers * text.kv_heads * text.head_dim * slot_tokens(config, max_segment_s) * held.each,
        work_bytes=work,
        loading_bytes=base + max(loading, own + aligned),
        is_builtin=is_builtin,
    )


def fitting_instances(free_bytes: int, one: Footprint, slots: int, share: float = 1.0) -> int:
    """How many instances fit into memory, one after another, each with so many slots (pure).

    Args:
        free_bytes: what is free now.
        one: an instance.
        slots: of each.
        share: of the free bytes that may be used, above 0, at most 1.
    """
    room = int(free_bytes * share)
    if room < one.peak_bytes(slots):
        return 0
    # The last one to load needs its peak, the others by then what they serve with.
    return 1 + (room - one.peak_bytes(slots)) // one.total_bytes(slots)


def fitting_slots(free_bytes: int, one: Footprint, share: float = 1.0, most: int = 128) -> int:
    """How many slots one instance has room for, from 0 to `most` (pure)."""
    room = int(free_bytes * share) - one.total_bytes(0)
    if int(free_bytes * share) < one.loading_bytes or room < 0:
        return 0
    return min(most, room // one.slot_bytes)


def slot_tokens(config: NetworkConfig, max_segment_s: float) -> int:
    """Tokens of one slot: the longest segment in its frame, the longest context, the longest answer."""
    sound = tokens_of(round(max_segment_s * 100), config.encoder.chunk_frames)
    answer = 32 + -(-12 * round(max_segment_s * 1000) // 1000)
    return FRAME_TOKENS + sound + CONTEXT_TOKENS + answer


def _activation_bytes(config: NetworkConfig, held: Held, *, max_segment_s: float, is_cpu: bool) -> int:
    """A bound on what the largest prefill computes on the way: the convolutions, then the decoder's rows."""
    encoder, text = config.encoder, config.decoder
    each = 4 if is_cpu else held.each
    half = [(size + 1) // 2 for size in (encoder.mels, encoder.chunk_frames)]
    # The first convolution's output, its GELU, and what the library makes of them for the next.
    stem = 3 * _STEM_CHUNKS["cpu" if is_cpu else "gpu"] * encoder.channels * half[0] * half[1] * each
    segments = 1 if is_cpu else _PREFILL_SEGMENTS
    rows = segments * (tokens_of(round(max_segment_s * 100), encoder.chunk_frames) + CONTEXT_TOKENS)
    layer = rows * (2 * text.ffn + 2 * text.width + (2 * text.heads + 2 * text.kv_heads) * text.head_dim)
    attention = segments * encoder.heads * (8 * after_stem(encoder.chunk_frames)) ** 2 * 4
    # A prefill on a GPU widens a whole weight in float32 twice, then in its own type.
    widest = max(product.count for product in weights_of(config).decoder)
    widened = widest * (8 + held.each) if held.kind == "rounded" else 0
    scores = 2 * max(segments, 8) * text.vocabulary * 4
    return stem + 3 * layer * each + attention + widened + scores
