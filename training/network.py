"""transformers' Qwen3-ASR network at a few MB, with a lean batched forward pass for training.

The parameters live in `Qwen3ASRForConditionalGeneration`, so what is saved is what transformers
loads. Only the forward pass is written anew: right-padded batches need no decoder mask at all, the
encoder's 8-second windows are rows of one batch, and hidden states are at hand for the training-only
heads. `tests/training` holds it to transformers' own logits.

Shapes: B clips, T mel frames (a multiple of 100), A audio tokens, L tokens, D width.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name everybody gives it
from transformers import Qwen3ASRConfig, Qwen3ASRForConditionalGeneration

from training.alignment import AlignedBatch
from training.batches import Batch
from training.features import FRAMES_PER_CHUNK, TOKENS_PER_CHUNK
from training.vocabulary import Vocabulary

WINDOW_CHUNKS = 8
ROPE_THETA = 1e6


def build_config(vocabulary: Vocabulary, *, decoder_layers: int = 4) -> Qwen3ASRConfig:
    """The digits model's configuration: the real one with every width cut down."""
    return Qwen3ASRConfig(
        audio_config={
            "model_type": "qwen3_asr_encoder", "num_mel_bins": 128, "d_model": 128, "encoder_layers": 2,
            "encoder_attention_heads": 4, "encoder_ffn_dim": 384, "downsample_hidden_size": 24,
            "n_window": 50, "n_window_infer": 100 * WINDOW_CHUNKS, "output_dim": 128,
        },
        text_config={
            "model_type": "qwen3", "vocab_size": vocabulary.size, "hidden_size": 128, "intermediate_size": 384,
            "num_hidden_layers": decoder_layers, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 32, "rms_norm_eps": 1e-6, "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
            "tie_word_embeddings": True, "attention_bias": False,
            "bos_token_id": None, "eos_token_id": vocabulary.end, "pad_token_id": vocabulary.end,
        },
        audio_token_id=vocabulary.audio_pad,
        timestamp_token_id=vocabulary.id_of("<timestamp>"),
        pad_token_id=vocabulary.end,
        eos_token_id=[vocabulary.end, vocabulary.id_of("<|endoftext|>")],
        tie_word_embeddings=True,
    )  # fmt: skip


def build_model(vocabulary: Vocabulary, seed: int, *, decoder_layers: int = 4) -> Any:
    """A freshly initialised model; at this width the default standard deviation 0.02 does not train."""
    torch.manual_seed(seed)
    model = Qwen3ASRForConditionalGeneration(build_config(vocabulary, decoder_layers=decoder_layers))
    for name, parameter in model.named_parameters():
        if "embed_tokens" in name:
            nn.init.normal_(parameter, std=0.15)
        elif parameter.dim() == 4:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        elif parameter.dim() == 2:
            output = any(part in name for part in ("out_proj", "o_proj", "fc2", "down_proj"))
            nn.init.xavier_uniform_(parameter, gain=0.5 if output else 1.0)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    made: Qwen3ASRForConditionalGeneration = model
    return made


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """logits [N, vocabulary] at the N positions asked for; audio [B, A, D] after the projector;
    layers: each decoder layer's hidden states [B, L, D]; columns [B, A]: the audio tokens among L.
    """

    logits: torch.Tensor
    audio: torch.Tensor
    layers: list[torch.Tensor]
    columns: torch.Tensor


def encode(model: Any, features: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Projected audio tokens [B, chunks * 13, D]; rows beyond `counts` [B] are padding."""
    tower = model.model.audio_tower
    rows, mels, frames = features.shape
    chunks = frames // FRAMES_PER_CHUNK
    hidden = features.view(rows, mels, chunks, FRAMES_PER_CHUNK).permute(0, 2, 1, 3)
    hidden = hidden.reshape(rows * chunks, 1, mels, FRAMES_PER_CHUNK).contiguous(memory_format=torch.channels_last)
    # bfloat16 pays for the convolutions alone: 138 -> 95 ms a step; all of it: 115 ms (one core, AVX512-BF16).
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.is_grad_enabled()):
        for conv in (tower.conv2d1, tower.conv2d2, tower.conv2d3):
            hidden = F.gelu(conv(hidden))
    hidden = tower.conv_out(hidden.float().permute(0, 3, 1, 2).flatten(2))
    hidden = hidden + tower.positional_embedding.positional_embedding[:TOKENS_PER_CHUNK].to(hidden.dtype)
    hidden = hidden.view(rows, chunks * TOKENS_PER_CHUNK, -1)
    length = hidden.shape[1]
    span = min(length, WINDOW_CHUNKS * TOKENS_PER_CHUNK)
    padded = -(-length // span) * span
    hidden = F.pad(hidden, (0, 0, 0, padded - length)).view(-1, span, hidden.shape[-1])
    valid = torch.arange(padded)[None] < counts[:, None]
    # A window of padding alone attends to itself: an all-masked softmax would give NaN.
    mask = valid.view(-1, span) | ~valid.view(-1, span).any(1, keepdim=True)
    for layer in tower.layers:
        hidden = _encoder_layer(layer, hidden, mask[:, None, None])
    hidden = model.model.multi_modal_projector(tower.ln_post(hidden))
    made: torch.Tensor = hidden.reshape(rows, padded, -1)[:, :length]
    return made


def _encoder_layer(layer: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    attention = layer.self_attn
    x = layer.self_attn_layer_norm(hidden)
    q, k, v = (_heads(p(x), attention.num_heads) for p in (attention.q_proj, attention.k_proj, attention.v_proj))
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    hidden = hidden + attention.out_proj(mixed.transpose(1, 2).flatten(2))
    made: torch.Tensor = hidden + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(hidden))))
    return made


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def rotation(length: int, width: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [length, width] of rotary positions 0, 1, 2, ... (half-rotated layout)."""
    frequency = ROPE_THETA ** -(torch.arange(0, width, 2).float() / width)
    angle = torch.arange(length).float()[:, None] * frequency[None]
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def _rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def _norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, module.weight.shape, module.weight, 1e-6)


def _decoder_layer(layer: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    attention = layer.self_attn
    x = _norm(layer.input_layernorm, hidden)
    q = _rotated(_norm(attention.q_norm, _heads(attention.q_proj(x), 4)), cos, sin)
    k = _rotated(_norm(attention.k_norm, _heads(attention.k_proj(x), 2)), cos, sin)
    v = _heads(attention.v_proj(x), 2)
    k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    hidden = hidden + attention.o_proj(mixed.transpose(1, 2).flatten(2))
    x = _norm(layer.post_attention_layernorm, hidden)
    mlp = layer.mlp
    made: torch.Tensor = hidden + mlp.down_proj(F.silu(mlp.gate_proj(x)) * mlp.up_proj(x))
    return made


@dataclass(frozen=True, kw_only=True)
class States:
    """audio, layers and columns as in `Outputs`, before any head."""

    audio: torch.Tensor
    layers: list[torch.Tensor]
    columns: torch.Tensor


def states(model: Any, batch: Batch | AlignedBatch) -> States:
    """One pass over a batch up to the last decoder layer, whatever head the model carries."""
    audio_max = int(batch.audio_tokens.max())
    audio = encode(model, batch.features, batch.audio_tokens)[:, :audio_max]
    language_model = model.model.language_model
    hidden = language_model.embed_tokens(batch.tokens)
    is_audio = torch.arange(audio_max)[None] < batch.audio_tokens[:, None]
    columns = batch.audio_start[:, None] + torch.arange(audio_max)[None]
    rows = torch.arange(len(columns))[:, None].expand_as(columns)
    hidden = hidden.to(audio.dtype).index_put((rows[is_audio], columns[is_audio]), audio[is_audio])
    cos, sin = rotation(hidden.shape[1])
    layers = []
    for layer in language_model.layers:
        hidden = _decoder_layer(layer, hidden, cos, sin)
        layers.append(hidden)
    return States(audio=audio, layers=layers, columns=columns.clamp(max=hidden.shape[1] - 1))


def normed(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Hidden states through the decoder's last norm: what a head reads."""
    return _norm(model.model.language_model.norm, hidden)


def forward(model: Any, batch: Batch, asked: torch.Tensor) -> Outputs:
    """One pass over a batch; logits only at positions `asked` [B, L] (bool)."""
    found = states(model, batch)
    hidden = normed(model, found.layers[-1][asked])
    logits = F.linear(hidden, model.model.language_model.embed_tokens.weight)
    return Outputs(logits=logits, audio=found.audio, layers=found.layers, columns=found.columns)


def gather(hidden: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Rows of hidden [B, L, D] at places [B, K] (negative ones give some row): [B, K, D]."""
    return hidden.gather(1, places.clamp(min=0)[..., None].expand(-1, -1, hidden.shape[-1]))


def attention_log_weights(model: Any, index: int, below: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Log attention weights [B, K, L] of the first head of decoder layer `index` at query `places` [B, K].

    `below` [B, L, D] is what that layer takes in; positions behind a query weigh nothing.
    """
    layer = model.model.language_model.layers[index]
    attention, x = layer.self_attn, _norm(layer.input_layernorm, below)
    cos, sin = rotation(x.shape[1])
    width, asked = cos.shape[1], places.clamp(min=0)
    q = _norm(attention.q_norm, F.linear(gather(x, places), attention.q_proj.weight[:width]))
    k = _norm(attention.k_norm, F.linear(x, attention.k_proj.weight[:width]))
    scores = _rotated(q, cos[asked], sin[asked]) @ _rotated(k, cos, sin).transpose(1, 2) * width**-0.5
    later = torch.arange(x.shape[1])[None, None] > asked[..., None]
    made: torch.Tensor = scores.masked_fill(later, -1e9).log_softmax(-1)
    return made


def grown(
    model: Qwen3ASRForConditionalGeneration, vocabulary: Vocabulary, seed: int
) -> Qwen3ASRForConditionalGeneration:
    """The four-layer model with two more decoder layers between its own, which at first change nothing."""
    larger: Qwen3ASRForConditionalGeneration = build_model(vocabulary, seed, decoder_layers=6)
    moved = {0: 0, 1: 1, 2: 3, 3: 5}
    state = larger.state_dict()
    for old_name, value in model.state_dict().items():
        name, parts = old_name, old_name.split(".layers.")
        if "language_model" in name and len(parts) == 2:
            old, rest = parts[1].split(".", 1)
            name = f"{parts[0]}.layers.{moved[int(old)]}.{rest}"
        state[name] = value
    for index in set(range(6)) - set(moved.values()):
        for part in ("self_attn.o_proj", "mlp.down_proj"):
            state[f"model.language_model.layers.{index}.{part}.weight"].zero_()
    larger.load_state_dict(state)
    return larger
