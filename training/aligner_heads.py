"""The aligner's losses: the classes themselves, and training-only ones that teach it to know where and when.

An answer is right in three steps, and each is taught where it happens. Audio positions learn their own
time and which words have started and finished by then; the text's positions learn the same of what is
written, through the same heads, so that attention can match them; one attention head is told which
moment to look at. Only the class loss is on what is shipped; the heads are never saved with it.

Shapes as in `alignment.AlignedBatch`: B clips, A audio tokens, K words, L tokens, D width.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 the name everybody gives it

from training.aligner_network import AlignerOutputs
from training.alignment import CLASS_S, AlignedBatch
from training.batches import HISTORY, IGNORE, MOST_DIGITS
from training.features import token_times_s
from training.network import attention_log_weights, gather

# Classes to either side get some of the weight: a boundary 10 ms off its class is nearly the next one's.
_CLASS_SPREAD = 0.7
_TIME_SPREAD = 0.7
_COUNT_SPREAD = 0.8
_LOOK_SPREAD_S = 0.06
_HISTORY_CLASSES = 11
_TIME_CLASSES = 400
_POINTING_LAYER = 4


class AlignerHeads(nn.Module):
    """Linear heads on hidden states behind the second and the fourth decoder layer (`width` D)."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.early_time = nn.Linear(width, _TIME_CLASSES)
        self.time = nn.Linear(width, _TIME_CLASSES)
        self.started = nn.Linear(width, MOST_DIGITS + 1)
        self.finished = nn.Linear(width, MOST_DIGITS + 1)
        self.started_history = nn.Linear(width, HISTORY * _HISTORY_CLASSES)
        self.finished_history = nn.Linear(width, HISTORY * _HISTORY_CLASSES)

    def loss(self, model: Any, outputs: AlignerOutputs, batch: AlignedBatch) -> torch.Tensor:
        """The weighted sum of all but the class loss."""
        layers, columns = outputs.states.layers, outputs.states.columns
        second, fourth = gather(layers[1], columns), gather(layers[3], columns)
        text = gather(layers[3], batch.places.flatten(1)).view(*batch.places.shape, -1)
        return (
            0.2 * self._time_loss(self.early_time(second), batch)
            + 0.2 * self._time_loss(self.time(fourth), batch)
            + 0.15 * self._edge_loss(fourth, text[:, :, 0], batch, "started")
            + 0.15 * self._edge_loss(fourth, text[:, :, 1], batch, "finished")
            + 0.2 * _pointing_loss(model, outputs, batch)
        )

    def _edge_loss(self, sound: torch.Tensor, text: torch.Tensor, batch: AlignedBatch, edge: str) -> torch.Tensor:
        """What has started (or finished), asked of the sound and of the text."""
        count, history = getattr(self, edge), getattr(self, f"{edge}_history")
        split = (HISTORY, _HISTORY_CLASSES)
        return (
            _history_loss(history(sound).unflatten(-1, split), getattr(batch, f"{edge}_history"))
            + 0.3 * _history_loss(history(text).unflatten(-1, split), batch.written_history)
            + 0.5 * _bell_loss(count(sound), getattr(batch, edge).float(), _COUNT_SPREAD)
            + 0.2 * _bell_loss(count(text), batch.written.float(), _COUNT_SPREAD)
        )

    def _time_loss(self, logits: torch.Tensor, batch: AlignedBatch) -> torch.Tensor:
        """Every audio position's own time."""
        audio_max = logits.shape[1]
        classes = torch.from_numpy(token_times_s(audio_max)).float() / CLASS_S
        inside = torch.arange(audio_max)[None] < batch.audio_tokens[:, None]
        return _bell_loss(logits, torch.where(inside, classes[None], -1.0), _TIME_SPREAD)


def class_loss(outputs: AlignerOutputs, batch: AlignedBatch) -> torch.Tensor:
    """Cross-entropy of the timestamps' classes against a narrow bell around the true time."""
    return _bell_loss(outputs.logits, batch.times_s / CLASS_S, _CLASS_SPREAD)


def errors_s(outputs: AlignerOutputs, batch: AlignedBatch) -> torch.Tensor:
    """Absolute errors of the most likely classes, in seconds, flat."""
    known = batch.times_s >= 0
    return (outputs.logits.argmax(-1)[known] * CLASS_S - batch.times_s[known]).abs()


def _bell_loss(logits: torch.Tensor, wanted: torch.Tensor, spread: float) -> torch.Tensor:
    """Mean cross-entropy of logits [..., C] against a bell around `wanted` [...] (negative: not learnt)."""
    known = wanted >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    last = logits.shape[-1] - 1
    distance = torch.arange(last + 1)[None] - wanted[known].clamp(max=last)[:, None]
    return F.cross_entropy(logits[known], (-0.5 * (distance / spread) ** 2).softmax(-1))


def _history_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    total = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), ignore_index=IGNORE, reduction="sum")
    return total / max(1, int((wanted != IGNORE).sum()))


def _pointing_loss(model: Any, outputs: AlignerOutputs, batch: AlignedBatch) -> torch.Tensor:
    """Cross-entropy of one head's attention against a bell around the moment asked for."""
    layers = outputs.states.layers
    weights = attention_log_weights(model, _POINTING_LAYER, layers[_POINTING_LAYER - 1], batch.places.flatten(1))
    times = torch.from_numpy(token_times_s(outputs.states.columns.shape[1])).float()
    wanted = batch.times_s.flatten(1)[..., None]
    # The first audio token is at position 1; what lies behind a clip's audio is further than any bell reaches.
    audio = weights[:, :, 1 : 1 + len(times)]
    behind = torch.arange(len(times))[None, None] >= batch.audio_tokens[:, None, None]
    bell = (-0.5 * ((times - wanted) / _LOOK_SPREAD_S) ** 2).masked_fill(behind, -1e9).softmax(-1)
    known = wanted[..., 0] >= 0
    return -(bell * audio)[known].sum(-1).mean()
