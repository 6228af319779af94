"""Training-only losses on hidden states: they teach the decoder to hear, to keep count and to point.

Every digit of an answer needs its place in the audio. Without help the decoder learns that place for
about ten digits. So linear heads (never saved) ask audio positions what is being said, which digits
were finished last and how many; the same heads ask the answer's positions what has been written
last and how much, which puts both sides into one space where attention can match them. And the first
head of one layer is told outright where to look. Word times come from the synthesiser.

Shapes as in `batches.Batch`: B clips, A audio tokens, K answer positions, L tokens, D width.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name everybody gives it
from transformers import Qwen3ASRForConditionalGeneration

from training.batches import HISTORY, IGNORE, MOST_DIGITS, Batch
from training.network import Outputs, attention_log_weights, gather

_HEARD_CLASSES = 21
_HISTORY_CLASSES = 11
_FIRST_HISTORY = 3
_FIRST_MODULUS = 16
_SPREAD = 0.8
_POINTING_LAYER = 4


class FirstHeads(nn.Module):
    """Stage one (4 decoder layers): what is heard, the last 3 digits, the count modulo 16."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.heard = nn.Linear(width, _HEARD_CLASSES)
        self.heard_inside = nn.Linear(width, _HEARD_CLASSES)
        self.history = nn.Linear(width, _FIRST_HISTORY * _HISTORY_CLASSES)
        self.finished = nn.Linear(width, _FIRST_MODULUS)

    def loss(self, model: Qwen3ASRForConditionalGeneration, outputs: Outputs, batch: Batch) -> torch.Tensor:
        """The weighted sum of the heads' losses."""
        del model
        first, second, third = (gather(outputs.layers[index], outputs.columns) for index in range(3))
        history = self.history(second).unflatten(-1, (-1, _HISTORY_CLASSES))
        modulo = torch.where(batch.finished == IGNORE, IGNORE, batch.finished % _FIRST_MODULUS)
        return (
            0.3 * _mean_loss(self.heard(outputs.audio), batch.heard)
            + 0.2 * _mean_loss(self.heard_inside(first), batch.heard)
            + 0.3 * _mean_loss(history, batch.history[..., :_FIRST_HISTORY])
            + 0.2 * _mean_loss(self.finished(third), modulo)
        )


class SecondHeads(nn.Module):
    """Stage two (6 decoder layers): as before, but the last 5 digits and the whole count, on both sides,
    and where to look.
    """

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.heard = nn.Linear(width, _HEARD_CLASSES)
        self.heard_inside = nn.Linear(width, _HEARD_CLASSES)
        self.early_history = nn.Linear(width, _FIRST_HISTORY * _HISTORY_CLASSES)
        self.history = nn.Linear(width, HISTORY * _HISTORY_CLASSES)
        self.count = nn.Linear(width, MOST_DIGITS + 1)

    @classmethod
    def after(cls, first: FirstHeads) -> SecondHeads:
        """Take over what the first stage's heads have learnt."""
        heads = cls()
        for new, old in ((heads.heard, first.heard), (heads.heard_inside, first.heard_inside)):
            new.load_state_dict(old.state_dict())
        heads.early_history.load_state_dict(first.history.state_dict())
        return heads

    def loss(self, model: Qwen3ASRForConditionalGeneration, outputs: Outputs, batch: Batch) -> torch.Tensor:
        """The weighted sum of the heads' losses."""
        first, second, fourth = (gather(outputs.layers[index], outputs.columns) for index in (0, 1, 3))
        answer = gather(outputs.layers[3], batch.places)
        early = self.early_history(second).unflatten(-1, (-1, _HISTORY_CLASSES))
        history = self.history(fourth).unflatten(-1, (-1, _HISTORY_CLASSES))
        written = self.history(answer).unflatten(-1, (-1, _HISTORY_CLASSES))
        return (
            0.2 * _mean_loss(self.heard(outputs.audio), batch.heard)
            + 0.1 * _mean_loss(self.heard_inside(first), batch.heard)
            + 0.1 * _mean_loss(early, batch.history[..., :_FIRST_HISTORY])
            + 0.3 * _mean_loss(history, batch.history)
            + 0.1 * _mean_loss(written, batch.written_history)
            + 0.1 * _count_loss(self.count(fourth), batch.finished)
            + 0.05 * _count_loss(self.count(answer), batch.written)
            + 0.3 * _pointing_loss(model, outputs, batch)
        )


def _mean_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over learnt positions; 0 where a batch has none."""
    total = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), ignore_index=IGNORE, reduction="sum")
    return total / max(1, int((wanted != IGNORE).sum()))


def _count_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross-entropy against a narrow bell around the count: one beside it is nearly right, ten is not."""
    known = wanted != IGNORE
    if not bool(known.any()):
        return logits.sum() * 0.0
    counts = wanted[known].clamp(max=MOST_DIGITS).float()
    bell = (-0.5 * ((torch.arange(MOST_DIGITS + 1)[None] - counts[:, None]) / _SPREAD) ** 2).softmax(-1)
    return F.cross_entropy(logits[known], bell)


def _pointing_loss(model: Qwen3ASRForConditionalGeneration, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """Minus the log of the attention that falls on the tokens where the wanted digit has just ended."""
    known = batch.pointers[..., 0] != IGNORE
    if not bool(known.any()):
        return outputs.logits.sum() * 0.0
    weights = attention_log_weights(model, _POINTING_LAYER, outputs.layers[_POINTING_LAYER - 1], batch.places)
    place = torch.arange(weights.shape[-1])[None, None] - batch.audio_start[:, None, None]
    inside = (place >= batch.pointers[..., :1]) & (place < batch.pointers[..., 1:])
    return -weights.masked_fill(~inside, -1e9)[known].logsumexp(-1).mean()
