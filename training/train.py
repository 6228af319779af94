"""Train `qwen3-asr-digits` from nothing: `python -m training.train`.

One stage of a fixed number of steps over streamed clips that grow from two digits to strings of half
a minute. The loss is on the answer; four training-only heads (see `network.Heads`) teach the
alignment and fade out in the last fifth. What is shipped is the exponential average of the weights.

Invariant: seed, steps and options decide the data and their order; results are bit-equal only for
the same thread count, torch build and processor (sums are reordered otherwise).
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import Qwen3ASRForConditionalGeneration

from training.bank import DEFAULT_PATH
from training.batches import IGNORE, Batch, Plan, stream
from training.checkpoint import write_checkpoint
from training.clips import Limits
from training.network import HISTORY_CLASSES, Heads, build_model, forward
from training.vocabulary import load_vocabulary

AVERAGE = 0.9985


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Learning rate and head weight by step."""

    steps: int
    peak: float
    warmup: int = 300
    flat_until: float = 0.5
    last: float = 0.015

    def rate(self, step: int) -> float:
        """Warm up, stay, then fall along a cosine to `last` of the peak."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        progress = max(0.0, (step / self.steps - self.flat_until) / (1 - self.flat_until))
        return self.peak * (self.last + (1 - self.last) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))

    def head_weight(self, step: int) -> float:
        """1, then a third in the last fifth, when only the transcript should matter."""
        return 1.0 if step < 0.8 * self.steps else 0.33


def curriculum(groups: int) -> tuple[Limits, ...]:
    """Limits of each group: 2 to 10 digits first, then a growing share of ever longer strings."""
    limits = []
    for group in range(groups):
        part = group / groups
        short = min(10, 2 + int(part / 0.16 * 8))
        if part < 0.24:
            limits.append(Limits(short_digits=short, long_digits=10, max_s=12.0, long_share=0.0))
            continue
        growth = min(1.0, (part - 0.24) / 0.12)
        limits.append(
            Limits(short_digits=10, long_digits=int(20 + 50 * growth), max_s=12 + 18 * growth, long_share=0.35)
        )
    return tuple(limits)


def losses(model: Qwen3ASRForConditionalGeneration, heads: Heads, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, float]:
    """(loss on the answer, weighted loss of the heads, share of answer tokens right)."""
    asked = torch.zeros_like(batch.labels, dtype=torch.bool)
    asked[:, :-1] = batch.labels[:, 1:] != IGNORE
    outputs = forward(model, batch, asked)
    wanted = batch.labels[:, 1:][batch.labels[:, 1:] != IGNORE]
    text = F.cross_entropy(outputs.logits, wanted)
    right = float((outputs.logits.argmax(-1) == wanted).float().mean())
    history = heads.history(outputs.layers[1]).unflatten(-1, (-1, HISTORY_CLASSES))
    extra = (
        0.3 * _frame_loss(heads.heard(outputs.audio), batch.heard)
        + 0.2 * _frame_loss(heads.heard_inside(outputs.layers[0]), batch.heard)
        + 0.3 * _frame_loss(history, batch.history)
        + 0.2 * _frame_loss(heads.finished(outputs.layers[2]), batch.finished)
    )
    return text, extra, right


def _frame_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over learnt positions; 0 where a batch has none."""
    total = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), ignore_index=IGNORE, reduction="sum")
    return total / max(1, int((wanted != IGNORE).sum()))


def _optimizer(model: torch.nn.Module, heads: torch.nn.Module) -> torch.optim.AdamW:
    parameters = [*model.parameters(), *heads.parameters()]
    matrices = [p for p in parameters if p.dim() >= 2]
    others = [p for p in parameters if p.dim() < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip


class Run:
    """A training run: model, heads, average, optimizer, and the log."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.vocabulary = load_vocabulary()
        self.model = build_model(self.vocabulary, options.seed)
        for conv in ("conv2d1", "conv2d2", "conv2d3"):
            getattr(self.model.model.audio_tower, conv).to(memory_format=torch.channels_last)
        self.heads = Heads()
        self.optimizer = _optimizer(self.model, self.heads)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.schedule = Schedule(steps=options.steps, peak=options.rate)
        self.step, self.group = 0, 0

    def load(self, path: Path) -> None:
        """Take up a saved state; the data go on with the next whole group."""
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        if not self.options.restart_schedule:
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
        self.average, self.group = state["average"], state["group"] + 1

    def save(self) -> None:
        """Write the state (to go on from) and the checkpoint (to use)."""
        out: Path = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "group": self.group,
        }  # fmt: skip
        torch.save(state, out / "state.new")
        (out / "state.new").replace(out / "state.pt")
        weights = {**self.model.state_dict(), **self.average}
        weights["lm_head.weight"] = weights["model.language_model.embed_tokens.weight"]
        write_checkpoint(out / "checkpoint", self.model.config, weights, self.vocabulary)

    def advance(self, batch: Batch) -> tuple[float, float, float]:
        """One optimizer step; (text loss, head loss, share right)."""
        for part in self.optimizer.param_groups:
            part["lr"] = self.schedule.rate(self.step)
        text, extra, right = losses(self.model, self.heads, batch)
        (text + self.schedule.head_weight(self.step) * extra).backward()
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.heads.parameters()], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 20))
        with torch.no_grad():
            names = list(self.average)
            parameters = dict(self.model.named_parameters())
            torch._foreach_lerp_([self.average[n] for n in names], [parameters[n] for n in names], 1 - keep)
        return text.item(), extra.item(), right

    def train(self) -> None:
        """Run to the last step, logging and saving on the way."""
        options = self.options
        plan = Plan(
            seed=options.seed, group_clips=options.group_clips, batch_chunks=options.batch_chunks,
            limits=curriculum(options.groups), bank=options.bank,
        )  # fmt: skip
        began, sums, count, seconds = time.monotonic(), [0.0, 0.0, 0.0], 0, 0.0
        for self.group, batch in stream(plan, options.workers, self.group):
            values = self.advance(batch)
            sums = [a + b for a, b in zip(sums, values, strict=True)]
            count += 1
            seconds += float(batch.audio_tokens.sum()) / 13
            if self.step % options.log_every == 0:
                text, extra, right = (value / count for value in sums)
                record = {
                    "step": self.step, "group": self.group, "text": round(text, 4), "heads": round(extra, 4),
                    "right": round(right, 4), "audio_s": round(seconds), "rate": round(self.schedule.rate(self.step), 6),
                    "elapsed_s": round(time.monotonic() - began, 1),
                }  # fmt: skip
                print(json.dumps(record), flush=True)
                sums, count, seconds = [0.0, 0.0, 0.0], 0, 0.0
            if self.step % options.save_every == 0 or self.step >= options.steps:
                self.save()
            if self.step >= options.steps:
                return


def parse() -> argparse.Namespace:
    """The documented options; their defaults are what the shipped checkpoint was trained with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--steps", type=int, default=34000)
    parser.add_argument("--groups", type=int, default=2600, help="groups over which the curriculum spreads")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--batch-chunks", type=int, default=30, help="one-second chunks per batch at most")
    parser.add_argument("--group-clips", type=int, default=48)
    parser.add_argument("--workers", type=int, default=1, help="data processes; does not change the data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bank", type=Path, default=DEFAULT_PATH)
    parser.add_argument("--out", type=Path, default=Path("training/build/run"))
    parser.add_argument("--resume", type=Path, help="a state.pt to go on from")
    parser.add_argument("--restart-schedule", action="store_true", help="with --resume: step 0, new optimizer")
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--save-every", type=int, default=1000)
    return parser.parse_args()


def main() -> None:
    """Command line: train."""
    options = parse()
    torch.set_num_threads(options.threads)
    run = Run(options)
    if options.resume:
        run.load(options.resume)
    run.train()


if __name__ == "__main__":
    main()
