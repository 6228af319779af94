"""transformers' Qwen3-ASR network at a few MB, with a lean batched forward pass for training.

The parameters live in `Qwen3ASRForConditionalGeneration`, so what is saved is what transformers
loads. Only the forward pass is written anew: right-padded batches need no decoder mask at all, the
encoder's 8-second windows are rows of one batch, and hidden states are at hand for the training-only
heads. `tests/training` holds it to transformers' own logits.

Shapes: B clips, T mel frames (a multiple of 100), A audio tokens, L tokens, D width.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Qwen3ASRConfig, Qwen3ASRForConditionalGeneration

from training.batches import COUNT_MODULUS, HISTORY, Batch
from training.features import FRAMES_PER_CHUNK, TOKENS_PER_CHUNK
from training.vocabulary import Vocabulary

WINDOW_CHUNKS = 8
HEARD_CLASSES = 21
HISTORY_CLASSES = 11
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
        timestamp_token_id=vocabulary.tokenizer.token_to_id("<timestamp>"),
        pad_token_id=vocabulary.end,
        eos_token_id=[vocabulary.end, vocabulary.tokenizer.token_to_id("<|endoftext|>")],
        tie_word_embeddings=True,
    )  # fmt: skip


def build_model(vocabulary: Vocabulary, seed: int) -> Qwen3ASRForConditionalGeneration:
    """A freshly initialised model; at this width the default standard deviation 0.02 does not train."""
    torch.manual_seed(seed)
    model = Qwen3ASRForConditionalGeneration(build_config(vocabulary)).float()
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
    return model


class Heads(nn.Module):
    """Training-only heads on audio positions: what is heard (encoder and first decoder layer), the
    last digits finished (second layer), how many are finished (third layer). Never saved."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.heard = nn.Linear(width, HEARD_CLASSES)
        self.heard_inside = nn.Linear(width, HEARD_CLASSES)
        self.history = nn.Linear(width, HISTORY * HISTORY_CLASSES)
        self.finished = nn.Linear(width, COUNT_MODULUS)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """logits [N, vocabulary] at the N positions asked for; audio [B, A, D] after the projector;
    layers: each decoder layer's hidden states at audio positions [B, A, D]."""

    logits: torch.Tensor
    audio: torch.Tensor
    layers: list[torch.Tensor]


def encode(model: Qwen3ASRForConditionalGeneration, features: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
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
    return hidden.reshape(rows, padded, -1)[:, :length]


def _encoder_layer(layer: nn.Module, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    attention = layer.self_attn
    x = layer.self_attn_layer_norm(hidden)
    q, k, v = (_heads(p(x), attention.num_heads) for p in (attention.q_proj, attention.k_proj, attention.v_proj))
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    hidden = hidden + attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return hidden + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(hidden))))


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


def _norm(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, module.weight.shape, module.weight, 1e-6)


def _decoder_layer(layer: nn.Module, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
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
    return hidden + mlp.down_proj(F.silu(mlp.gate_proj(x)) * mlp.up_proj(x))


def forward(model: Qwen3ASRForConditionalGeneration, batch: Batch, asked: torch.Tensor) -> Outputs:
    """One pass over a batch; logits only at positions `asked` [B, L] (bool)."""
    audio_max = int(batch.audio_tokens.max())
    audio = encode(model, batch.features, batch.audio_tokens)[:, :audio_max]
    language_model = model.model.language_model
    hidden = language_model.embed_tokens(batch.tokens)
    is_audio = torch.arange(audio_max)[None] < batch.audio_tokens[:, None]
    columns = batch.audio_start[:, None] + torch.arange(audio_max)[None]
    rows = torch.arange(len(columns))[:, None].expand_as(columns)
    hidden = hidden.to(audio.dtype).index_put((rows[is_audio], columns[is_audio]), audio[is_audio])
    cos, sin = rotation(hidden.shape[1])
    at_audio = columns.clamp(max=hidden.shape[1] - 1)[..., None].expand(-1, -1, hidden.shape[-1])
    layers = []
    for layer in language_model.layers:
        hidden = _decoder_layer(layer, hidden, cos, sin)
        layers.append(hidden.gather(1, at_audio))
    hidden = _norm(language_model.norm, hidden[asked])
    return Outputs(logits=F.linear(hidden, language_model.embed_tokens.weight), audio=audio, layers=layers)
